//! Organisations as their leaders know them, in the form they tell the other replicas.

use std::collections::BTreeMap;

use github_stats_actors::activity::{OrgName, Timestamp};
use github_stats_actors::scheduler::{OrgState, OrgStatus, SchedulerState};
use serde::{Deserialize, Serialize};

use super::Sources;

/// What a leader tells of an organisation. Times are GitHub's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OrgReport {
    /// The state of its cooldown.
    pub state: String,
    /// Until when it is left alone, in a cooldown.
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
    /// How it ended.
    pub last_result: Option<String>,
    /// Why it failed, or why the first repository that failed did.
    pub last_error: Option<String>,
    /// Repositories it listed.
    pub repositories: Option<usize>,
    /// Repositories that failed.
    pub failed: Option<usize>,
    /// Covered ÷ due of the last 24 hours, when that could last be told.
    pub coverage_ratio: Option<f64>,
    /// The newest instant covered.
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

    /// Seconds since the newest instant covered.
    pub fn freshness(&self, now: Timestamp) -> Option<i64> {
        self.newest.map(|newest| now.seconds_since(newest).max(0))
    }
}

/// What this replica's scheduler shows.
pub(super) fn reports(state: &SchedulerState) -> OrgReports {
    let told = state.organisations.iter();
    told.map(|(org, status)| (org.to_string(), OrgReport::of(status))).collect()
}

impl Sources {
    /// The organisations as their present leaders know them: this replica, or those that tell of leading. Where nobody leads,
    /// as this one knew them last.
    pub fn organisations(&self) -> OrgReports {
        let mut organisations = reports(&self.scheduler.get());
        organisations.extend(self.fleet.organisations());
        organisations.extend(reports(&self.led()));
        organisations
    }

    /// Whether this replica leads where an organisation belongs.
    pub(super) fn leads_for(&self, org: &OrgName) -> bool {
        self.roles.of(org).leads().is_some()
    }

    /// What this replica's scheduler shows of what it leads.
    pub(super) fn led(&self) -> SchedulerState {
        let mut state = SchedulerState::clone(&self.scheduler.get());
        state.organisations.retain(|org, _| self.leads_for(org));
        state
    }
}
