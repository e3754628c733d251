//! What the scheduler and the scrapers report to their observer.

use std::time::Duration;

use super::CycleResult;
use crate::activity::OrgName;

/// An event of the scheduler or of a scraper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchedulerEvent {
    /// A scrape cycle of an organisation ended after `took`.
    CycleFinished { org: OrgName, result: CycleResult, took: Duration },
    /// A gap in coverage was abandoned, because it is older than retention.
    WindowGivenUp { org: OrgName },
}
