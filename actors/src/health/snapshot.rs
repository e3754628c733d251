//! The health of the replica, as every endpoint and metric reports it.

use std::collections::BTreeMap;

use actix_supervisor::TreeSnapshot;
use serde::Serialize;

use super::Dependency;
use crate::activity::{OrgName, Timestamp};
use crate::role::{Epoch, Role};
use crate::scheduler::OrgStatus;

/// The status of a component. The greatest one is the worst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Nothing has been reported yet, or not for a while, or it is another replica that knows.
    Unknown,
    /// It works as it should.
    #[default]
    Healthy,
    /// It works with a loss: by a fallback, with delay, or not for every organisation.
    Degraded,
    /// It does not work.
    Unhealthy,
}

/// The status of the replica as a whole: that of its worst component.
pub type Mode = Status;

/// A part of the replica, or something it depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Component {
    /// Its status.
    pub status: Status,
    /// Since when it has had this status, on GitHub's clock.
    pub since: Timestamp,
    /// Why it has this status; empty for most components while they are healthy.
    pub detail: String,
    /// When its reporter last reported, on GitHub's clock; `None` before the first report.
    pub reported: Option<Timestamp>,
}

/// The single source of health: made by [`assess`](super::assess), published by the health actor
/// four times a second, never changed afterwards.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HealthSnapshot {
    /// The status of the replica as a whole.
    pub mode: Mode,
    /// Whether it leads.
    pub role: Role,
    /// Under which epoch, if it leads.
    pub epoch: Option<Epoch>,
    /// Whether it can serve `/metrics`.
    pub ready: bool,
    /// Why it cannot; `None` while it can, and before that was assessed.
    pub not_ready: Option<String>,
    /// When this was assessed, on GitHub's clock.
    pub at: Timestamp,
    /// The components by name.
    pub components: BTreeMap<&'static str, Component>,
    /// Whether each dependency is healthy; one of unknown status is absent.
    #[serde(skip)]
    pub dependencies: BTreeMap<Dependency, bool>,
    /// The organisations that this replica scrapes, or scraped under an earlier leadership.
    pub organisations: BTreeMap<OrgName, OrgStatus>,
    /// The actors of the supervision tree.
    pub actors: TreeSnapshot,
}

impl HealthSnapshot {
    /// The snapshot before the first assessment: degraded and not ready.
    pub fn starting() -> Self {
        HealthSnapshot {
            mode: Status::Degraded,
            role: Role::Follower,
            epoch: None,
            ready: false,
            not_ready: None,
            at: Timestamp::from_unix(0),
            components: BTreeMap::new(),
            dependencies: BTreeMap::new(),
            organisations: BTreeMap::new(),
            actors: TreeSnapshot { actors: Vec::new() },
        }
    }
}
