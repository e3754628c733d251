//! A picture of the tree.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{ActorId, ExitReason, RestartCause};

/// All actors of a tree at one moment, parents before their children.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TreeSnapshot {
    /// The actors, in the order in which they were first started.
    pub actors: Vec<ActorSnapshot>,
}

/// One actor of the tree at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ActorSnapshot {
    /// Its name.
    pub id: ActorId,
    /// The name of its supervisor; `None` for the root.
    pub parent: Option<ActorId>,
    /// Worker or supervisor.
    pub kind: ChildKind,
    /// What it is doing.
    pub state: ActorState,
    /// How many times it was started; 0 before the first.
    pub incarnation: u64,
    /// How often it was restarted, by cause.
    pub restarts: RestartCounts,
    /// How its last incarnation that ended did so.
    pub last_exit: Option<ExitReason>,
    /// Accepted messages that wait to be handled.
    pub mailbox_depth: usize,
    /// Accepted messages that died unhandled with an incarnation, over all incarnations.
    pub lost_messages: u64,
    /// Seconds since its last heartbeat, while it lives.
    pub heartbeat_age_seconds: Option<f64>,
    /// Seconds since its living incarnation was started.
    pub uptime_seconds: Option<f64>,
}

/// Worker or supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChildKind {
    /// An actor that does the work.
    Worker,
    /// An actor that watches over others.
    Supervisor,
}

/// What a child is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum ActorState {
    /// Waits for its turn, or was started and is not ready yet.
    Starting,
    /// Ready.
    Running,
    /// Dead; will be started again after a delay.
    BackingOff,
    /// Told to stop, or aborted, and not gone yet.
    Stopping,
    /// Ended for good, in an orderly way.
    Stopped,
    /// Ended for good, with an error.
    Failed,
}

/// Restarts by [`RestartCause`]; causes that never occurred are left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct RestartCounts(BTreeMap<RestartCause, u64>);

// === impl TreeSnapshot ===

impl TreeSnapshot {
    /// The actor of this name.
    pub fn actor(&self, id: &str) -> Option<&ActorSnapshot> {
        self.actors.iter().find(|actor| actor.id.as_str() == id)
    }

    /// Whether every actor runs or has ended in an orderly way.
    pub fn is_up(&self) -> bool {
        self.actors.iter().all(|actor| matches!(actor.state, ActorState::Running | ActorState::Stopped))
    }
}

// === impl ActorState ===

impl ActorState {
    /// The label of the state.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::BackingOff => "backing_off",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }

    pub(crate) fn is_alive(self) -> bool {
        matches!(self, Self::Starting | Self::Running | Self::Stopping)
    }

    pub(crate) fn is_final(self) -> bool {
        matches!(self, Self::Stopped | Self::Failed)
    }

    pub(crate) fn from_u8(value: u8) -> Self {
        const ALL: [ActorState; 6] = [
            ActorState::Starting,
            ActorState::Running,
            ActorState::BackingOff,
            ActorState::Stopping,
            ActorState::Stopped,
            ActorState::Failed,
        ];
        ALL[usize::from(value)]
    }
}

// === impl RestartCounts ===

impl RestartCounts {
    pub(crate) fn from_fn(count: impl Fn(RestartCause) -> u64) -> Self {
        let counts = RestartCause::ALL.into_iter().map(|cause| (cause, count(cause)));
        Self(counts.filter(|&(_, count)| count > 0).collect())
    }

    /// Restarts of this cause.
    pub fn get(&self, cause: RestartCause) -> u64 {
        self.0.get(&cause).copied().unwrap_or(0)
    }

    /// All restarts.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// The causes that occurred, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (RestartCause, u64)> {
        self.0.iter().map(|(&cause, &count)| (cause, count))
    }
}
