//! Service level objectives.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// All objectives.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = Slo)]
pub struct SloAnswer {
    /// `missed` if any objective is missed, otherwise `met` if any is met.
    pub status: Verdict,
    pub objectives: Vec<ObjectiveReport>,
}

/// One objective.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = Objective)]
pub struct ObjectiveReport {
    pub name: String,
    /// The organisation it is about; `null` for the service as a whole.
    pub org: Option<String>,
    /// The objective in words.
    pub objective: String,
    pub target: f64,
    /// The measured value; `null` if it is not known.
    pub actual: Option<f64>,
    /// The unit of `target` and `actual`.
    pub unit: ObjectiveUnit,
    /// Whether the objective is met; `null` if that cannot be judged.
    pub met: Option<bool>,
    pub status: Verdict,
    /// The period the measured value covers.
    pub period: String,
    /// How the value was obtained, or why there is none.
    pub explanation: String,
}

/// Whether an objective is met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Met,
    Missed,
    /// There is nothing to judge by, or scraping is paused.
    #[default]
    #[serde(other)]
    Unknown,
}

/// What an objective counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ObjectiveUnit {
    Ratio,
    #[default]
    Seconds,
}

impl Verdict {
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Met => "met",
            Verdict::Missed => "missed",
            Verdict::Unknown => "unknown",
        }
    }
}
