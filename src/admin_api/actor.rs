//! The supervision tree.

use std::collections::BTreeMap;

use actix_supervisor::{ActorSnapshot, ActorState, ChildKind, TreeSnapshot};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The supervision tree.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Actors)]
pub struct ActorList {
    /// The actors in the order of their first start: parents before their children.
    pub actors: Vec<ActorReport>,
}

/// An actor of the supervision tree.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Actor)]
pub struct ActorReport {
    pub id: String,
    /// The supervisor; `null` for the root.
    pub parent: Option<String>,
    pub kind: ActorKind,
    /// `starting`, `running`, `backing_off`, `stopping`, `stopped` or `failed`.
    pub state: String,
    /// How many times the actor was started.
    pub incarnation: u64,
    pub restarts: u64,
    /// The restarts by reason; reasons that did not occur are absent.
    pub restarts_by_reason: BTreeMap<String, u64>,
    /// Why the previous incarnation ended.
    pub last_exit: Option<String>,
    /// Messages that wait in the mailbox.
    pub mailbox_depth: usize,
    /// Messages lost with earlier incarnations.
    pub lost_messages: u64,
    pub seconds_since_heartbeat: Option<f64>,
    pub uptime_seconds: Option<f64>,
}

/// Whether an actor works itself or supervises others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ActorKind {
    Worker,
    Supervisor,
}

/// How many actors there are.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct ActorCounts {
    /// Actors that run.
    pub up: usize,
    pub total: usize,
    /// Restarts of all actors since the process was started.
    pub restarts: u64,
}

/// A fault that was injected into an actor.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct InjectedFault {
    pub actor: String,
    /// `panic`, `hang` or `stop`.
    pub mode: String,
}

impl ActorReport {
    pub fn of(actor: &ActorSnapshot) -> Self {
        let is_supervisor = actor.kind == ChildKind::Supervisor;
        let reasons = actor.restarts.iter().map(|(reason, count)| (reason.to_string(), count));
        ActorReport {
            id: actor.id.to_string(),
            parent: actor.parent.as_ref().map(ToString::to_string),
            kind: if is_supervisor { ActorKind::Supervisor } else { ActorKind::Worker },
            state: actor.state.as_str().to_owned(),
            incarnation: actor.incarnation,
            restarts: actor.restarts.total(),
            restarts_by_reason: reasons.collect(),
            last_exit: actor.last_exit.as_ref().map(ToString::to_string),
            mailbox_depth: actor.mailbox_depth,
            lost_messages: actor.lost_messages,
            seconds_since_heartbeat: actor.heartbeat_age_seconds,
            uptime_seconds: actor.uptime_seconds,
        }
    }
}

impl ActorCounts {
    pub fn of(tree: &TreeSnapshot) -> Self {
        ActorCounts {
            up: tree.actors.iter().filter(|actor| actor.state == ActorState::Running).count(),
            total: tree.actors.len(),
            restarts: tree.actors.iter().map(|actor| actor.restarts.total()).sum(),
        }
    }
}
