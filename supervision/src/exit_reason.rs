//! How an incarnation ended.

use std::any::Any;
use std::fmt;

use serde::Serialize;

use super::ActorId;

/// How one incarnation of a child ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ExitReason {
    /// The actor stopped by its own decision (`ctx.stop()`).
    Normal,
    /// Its supervisor stopped it: shutdown, or the strategy after a sibling's death.
    Shutdown,
    /// It panicked.
    Panicked {
        /// The payload of the panic, if it was text.
        message: String,
    },
    /// Its heartbeat stayed away; its task was aborted.
    Hung {
        /// Milliseconds without a heartbeat when it was given up.
        silent_ms: u64,
    },
    /// It never became ready: it stopped in `started()`, refused, or its thread did not start.
    StartFailed {
        /// What went wrong.
        message: String,
    },
    /// It did not become ready within its start timeout.
    StartTimedOut,
    /// It gave up with an error through [`Starter::fail`](super::Starter::fail).
    Failed {
        /// The error.
        message: String,
    },
    /// Its task was aborted by something else than its supervisor, for instance a runtime that ended.
    Cancelled,
    /// It did not end in time when told to, and was aborted.
    Killed,
    /// Its task was aborted but did not end: something blocks its thread.
    Unkillable,
    /// It is a supervisor, and a child of it died too often.
    Escalated {
        /// The child that exceeded its restart intensity, or could not be killed.
        child: ActorId,
        /// How that child ended the last time.
        reason: Box<ExitReason>,
    },
}

/// The classes of restarts that are counted apart; `Display` gives the label of the metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RestartCause {
    /// A panic.
    Panic,
    /// The actor stopped by itself.
    Stopped,
    /// The actor was wedged, or so slow that its heartbeat stayed away.
    Hung,
    /// It did not become ready.
    StartFailed,
    /// It gave up with an error; for a supervisor, it escalated.
    Failed,
    /// Its supervisor's strategy restarted it after the death of a sibling.
    Strategy,
    /// Its task was aborted from outside.
    Cancelled,
}

// === impl ExitReason ===

impl ExitReason {
    /// Whether this is an orderly end, after which a `Transient` child stays down.
    pub fn is_orderly(&self) -> bool {
        matches!(self, Self::Normal | Self::Shutdown)
    }

    /// The class under which a restart after this exit is counted.
    pub fn cause(&self) -> RestartCause {
        match self {
            Self::Normal => RestartCause::Stopped,
            Self::Shutdown | Self::Killed => RestartCause::Strategy,
            Self::Panicked { .. } => RestartCause::Panic,
            Self::Hung { .. } | Self::Unkillable => RestartCause::Hung,
            Self::StartFailed { .. } | Self::StartTimedOut => RestartCause::StartFailed,
            Self::Failed { .. } | Self::Escalated { .. } => RestartCause::Failed,
            Self::Cancelled => RestartCause::Cancelled,
        }
    }

    /// The reason for a panic with this payload.
    pub(crate) fn panicked(payload: &(dyn Any + Send)) -> Self {
        Self::Panicked { message: panic_message(payload).to_owned() }
    }
}

impl fmt::Display for ExitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Normal => f.write_str("stopped by itself"),
            Self::Shutdown => f.write_str("stopped by its supervisor"),
            Self::Panicked { message } => write!(f, "panicked: {message}"),
            Self::Hung { silent_ms } => write!(f, "hung: no heartbeat for {silent_ms} ms"),
            Self::StartFailed { message } => write!(f, "failed to start: {message}"),
            Self::StartTimedOut => f.write_str("did not become ready in time"),
            Self::Failed { message } => write!(f, "failed: {message}"),
            Self::Cancelled => f.write_str("its task was aborted"),
            Self::Killed => f.write_str("did not stop in time and was killed"),
            Self::Unkillable => f.write_str("blocks its thread and cannot be killed"),
            Self::Escalated { child, reason } => write!(f, "gave up on {child}, which {reason}"),
        }
    }
}

/// The text of a panic's payload.
pub(crate) fn panic_message(payload: &dyn Any) -> &str {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "a payload that is not text"
    }
}

// === impl RestartCause ===

impl RestartCause {
    /// Every cause, in the order of its declaration.
    pub const ALL: [Self; 7] = [
        Self::Panic,
        Self::Stopped,
        Self::Hung,
        Self::StartFailed,
        Self::Failed,
        Self::Strategy,
        Self::Cancelled,
    ];

    /// The label of the metric.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Panic => "panic",
            Self::Stopped => "stopped",
            Self::Hung => "hung",
            Self::StartFailed => "start_failed",
            Self::Failed => "failed",
            Self::Strategy => "strategy",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for RestartCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
