//! The observable state of the scheduler.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Completeness, CycleReport, OrgState};
use crate::activity::{OrgName, Timestamp};

/// The observable state of the scheduler.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SchedulerState {
    pub organisations: BTreeMap<OrgName, OrgStatus>,
}

/// The status of one organisation. All times are on GitHub's clock.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OrgStatus {
    #[serde(flatten)]
    pub state: OrgState,
    /// Whether a cycle is running.
    pub scraping: bool,
    /// Seconds between two due scrapes.
    pub interval_seconds: f64,
    /// When the last scrape was due.
    pub last_due: Option<Timestamp>,
    /// When the next scrape is due; `None` while this replica may not schedule.
    pub next_due: Option<Timestamp>,
    /// When the last cycle ended.
    pub last_cycle_at: Option<Timestamp>,
    pub last_cycle: Option<CycleReport>,
    /// How complete the numbers were when that was last known.
    pub completeness: Option<Completeness>,
}

impl OrgStatus {
    /// An organisation that was not scraped yet.
    pub(super) fn new(state: OrgState) -> Self {
        OrgStatus {
            state,
            scraping: false,
            interval_seconds: 0.0,
            last_due: None,
            next_due: None,
            last_cycle_at: None,
            last_cycle: None,
            completeness: None,
        }
    }
}
