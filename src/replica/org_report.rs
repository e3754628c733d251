//! Organisations as their leader knows them, in the form in which it reports them to the other replicas.

use std::collections::BTreeMap;

use github_stats_actors::activity::Timestamp;
use github_stats_actors::scheduler::{OrgState, OrgStatus, SchedulerState};
use serde::{Deserialize, Serialize};

/// A leader's report of one organisation. Times are on GitHub's clock; a field that an older
/// version does not send has its default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OrgReport {
    /// The name of its cooldown state, see `OrgState::NAMES`.
    pub state: String,
    /// When its cooldown ends, while it is in one.
    pub cooldown_until: Option<Timestamp>,
    /// Whether a cycle is running.
    pub scraping: bool,
    /// Seconds from one due scrape to the next.
    pub interval_seconds: f64,
    /// When the last scrape was due.
    pub last_due: Option<Timestamp>,
    /// When the next one is due.
    pub next_due: Option<Timestamp>,
    /// When the last cycle ended.
    pub last_cycle_at: Option<Timestamp>,
    /// The result of that cycle.
    pub last_result: Option<String>,
    /// The error of that cycle, or of the first repository that failed in it.
    pub last_error: Option<String>,
    /// Repositories that cycle listed.
    pub repositories: Option<usize>,
    /// Repositories that failed in it.
    pub failed: Option<usize>,
    /// Covered time ÷ due time of the last 24 hours, when that was last known; 0 to 1.
    pub coverage_ratio: Option<f64>,
    /// The newest instant that is covered.
    pub newest: Option<Timestamp>,
}

/// Organisations by name.
pub type OrgReports = BTreeMap<String, OrgReport>;

impl OrgReport {
    fn of(status: &OrgStatus) -> Self {
        let cycle = status.last_cycle.as_ref();
        OrgReport {
            state: status.state.as_str().to_owned(),
            cooldown_until: match status.state {
                OrgState::Cooldown { until } => Some(until),
                OrgState::Healthy { .. } | OrgState::Recovering { .. } => None,
            },
            scraping: status.scraping,
            interval_seconds: status.interval_seconds,
            last_due: status.last_due,
            next_due: status.next_due,
            last_cycle_at: status.last_cycle_at,
            last_result: cycle.map(|cycle| cycle.result.as_str().to_owned()),
            last_error: cycle.and_then(|cycle| cycle.error.clone()),
            repositories: cycle.map(|cycle| cycle.repositories),
            failed: cycle.map(|cycle| cycle.failed),
            coverage_ratio: status.completeness.map(|completeness| completeness.coverage_ratio),
            newest: status.completeness.and_then(|completeness| completeness.newest),
        }
    }

    /// The age of the newest covered instant, in seconds; `None` while nothing is covered.
    pub fn freshness(&self, now: Timestamp) -> Option<i64> {
        self.newest.map(|newest| now.seconds_since(newest).max(0))
    }
}

/// Reports of the organisations that a scheduler knows.
pub(super) fn org_reports(state: &SchedulerState) -> OrgReports {
    state.organisations.iter().map(|(org, status)| (org.to_string(), OrgReport::of(status))).collect()
}
