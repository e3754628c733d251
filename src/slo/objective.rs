//! An objective, and how it stands.

use serde::Serialize;

/// Whether an objective is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SloVerdict {
    /// It is.
    Met,
    /// It is not.
    Missed,
    /// There is nothing to judge it by, or a reason not to.
    Unknown,
}

/// An objective, and how it stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Objective {
    /// Its name.
    pub name: &'static str,
    /// The organisation it is about; `None` for the service as a whole.
    pub org: Option<String>,
    /// What is promised, in words.
    pub objective: String,
    /// The number that is promised.
    pub target: f64,
    /// The number as it is; `None` where it is not known.
    pub actual: Option<f64>,
    /// What both numbers count.
    pub unit: &'static str,
    /// Whether it is met; `None` where that is not judged.
    pub met: Option<bool>,
    /// The same as a word.
    pub status: SloVerdict,
    /// The period it covers.
    pub period: String,
    /// How the number comes about, or why there is none.
    pub explanation: String,
}

/// All objectives.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SloReport {
    /// `missed` where one of them is, else `met` where one of them is.
    pub status: SloVerdict,
    /// Each of them.
    pub objectives: Vec<Objective>,
}

impl SloReport {
    /// Of these objectives.
    pub(super) fn of(objectives: Vec<Objective>) -> Self {
        let any = |verdict| objectives.iter().any(|objective| objective.status == verdict);
        let status = [SloVerdict::Missed, SloVerdict::Met].into_iter().find(|verdict| any(*verdict));
        SloReport { status: status.unwrap_or(SloVerdict::Unknown), objectives }
    }
}
