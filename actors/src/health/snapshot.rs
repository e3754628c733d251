//! Health as `/healthz` tells it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::activity::{OrgName, Timestamp};
use crate::role::{Epoch, Role};
use crate::scheduler::OrgStatus;
use actix_supervisor::TreeSnapshot;

/// How a component is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It does all it should.
    #[default]
    Healthy,
    /// Something is done another way, or later.
    Degraded,
    /// It does not do what it is for.
    Unhealthy,
}

/// How the replica is as a whole: as its worst component.
pub type Mode = Status;

/// A part of the replica, or something it depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Component {
    /// How it is.
    pub status: Status,
    /// Since when, on GitHub's clock.
    pub since: Timestamp,
    /// What there is to say; of most components nothing when all is well.
    pub detail: String,
}

/// Everything `/healthz` tells, made once a second and read without waiting.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HealthSnapshot {
    /// How the replica is.
    pub mode: Mode,
    /// What it does besides serving.
    pub role: Role,
    /// Under which epoch, if it leads.
    pub epoch: Option<Epoch>,
    /// Whether it can serve `/metrics`.
    pub ready: bool,
    /// When this was assessed, on GitHub's clock.
    pub at: Timestamp,
    /// The components by name.
    pub components: BTreeMap<&'static str, Component>,
    /// The organisations; of a leader only.
    pub organisations: BTreeMap<OrgName, OrgStatus>,
    /// The supervision tree.
    pub actors: TreeSnapshot,
}
