//! A snapshot of the tree.

use std::collections::BTreeMap;

use super::{ActorId, ExitReason, RestartCause};

/// All actors of a tree at one moment, parents before their children.
///
/// [`RootHandle::tree`](super::RootHandle::tree) reads shared memory: it asks no actor, never
/// blocks, and is safe to call in every HTTP request. With the feature `serde` a snapshot
/// implements `Serialize`.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct TreeSnapshot {
    /// The actors, in the order in which they were first started.
    pub actors: Vec<ActorSnapshot>,
}

/// One actor of the tree at one moment.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct ActorSnapshot {
    /// Its name.
    pub id: ActorId,
    /// The name of its supervisor; `None` for the root.
    pub parent: Option<ActorId>,
    /// Worker or supervisor.
    pub kind: ChildKind,
    /// What it is doing.
    pub state: ActorState,
    /// How many times it was started; 0 before the first start.
    pub incarnation: u64,
    /// How often it was restarted, by cause.
    pub restarts: RestartCounts,
    /// How its last incarnation ended; `None` if none has ended.
    pub last_exit: Option<ExitReason>,
    /// Number of accepted messages that wait to be handled.
    pub mailbox_depth: usize,
    /// Number of accepted messages that were lost with an incarnation, over all incarnations.
    pub lost_messages: u64,
    /// Seconds since its last heartbeat; `None` if it is not alive.
    pub heartbeat_age_seconds: Option<f64>,
    /// Seconds since its current incarnation was started; `None` if it is not alive.
    pub uptime_seconds: Option<f64>,
}

/// Worker or supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ChildKind {
    /// An ordinary actor.
    Worker,
    /// An actor with children.
    Supervisor,
}

/// What a child is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
#[repr(u8)]
pub enum ActorState {
    /// Waiting for its first start, or started and not ready yet.
    Starting,
    /// Ready: it receives messages.
    Running,
    /// Down; will be restarted after a delay.
    BackingOff,
    /// Asked to stop, or aborted, and not down yet.
    Stopping,
    /// Down for good after an orderly exit.
    Stopped,
    /// Down for good after a failure.
    Failed,
}

/// Restarts by [`RestartCause`]; causes that never occurred are omitted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(transparent))]
pub struct RestartCounts(BTreeMap<RestartCause, u64>);

// === impl TreeSnapshot ===

impl TreeSnapshot {
    /// The actor of this name.
    pub fn actor(&self, id: &str) -> Option<&ActorSnapshot> {
        self.actors.iter().find(|actor| actor.id.as_str() == id)
    }

    /// Whether every actor is running or has stopped in an orderly way.
    pub fn is_up(&self) -> bool {
        self.actors.iter().all(|actor| matches!(actor.state, ActorState::Running | ActorState::Stopped))
    }
}

// === impl ActorState ===

impl ActorState {
    /// The label for logs and metrics.
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
