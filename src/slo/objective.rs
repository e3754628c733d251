//! Objectives and their verdicts.

use serde::Serialize;

/// Whether an objective is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SloVerdict {
    /// Its number meets the target.
    Met,
    /// It does not.
    Missed,
    /// There is no number, or a reason not to judge it.
    Unknown,
}

/// An objective and its verdict.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Objective {
    /// Its name.
    pub name: &'static str,
    /// The organisation it is about; `None` for the service as a whole.
    pub org: Option<String>,
    /// What it requires, in words.
    pub objective: String,
    /// The number it requires.
    pub target: f64,
    /// The number as it is; `None` where it is not known.
    pub actual: Option<f64>,
    /// The unit of both numbers.
    pub unit: &'static str,
    /// Whether it is met; `None` where that is not judged.
    pub met: Option<bool>,
    /// The same in a word.
    pub status: SloVerdict,
    /// The period it covers.
    pub period: String,
    /// How the number comes about, or why there is none.
    pub explanation: String,
}

/// All objectives.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SloReport {
    /// `missed` if one of them is; otherwise `met` if one of them is.
    pub status: SloVerdict,
    /// All of them: first those of each organisation, then those of the service.
    pub objectives: Vec<Objective>,
}

impl SloReport {
    /// The report of these objectives.
    pub(super) fn of(objectives: Vec<Objective>) -> Self {
        let any = |verdict| objectives.iter().any(|objective| objective.status == verdict);
        let status = [SloVerdict::Missed, SloVerdict::Met].into_iter().find(|verdict| any(*verdict));
        SloReport { status: status.unwrap_or(SloVerdict::Unknown), objectives }
    }
}
