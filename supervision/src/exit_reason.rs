//! How an incarnation ended.

use std::any::Any;
use std::fmt;

use super::ActorId;

/// How one incarnation of a child ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(tag = "kind", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ExitReason {
    /// The actor stopped by its own decision (`ctx.stop()`).
    Normal,
    /// Its supervisor stopped it: in a shutdown, or because its strategy restarts it with a
    /// sibling.
    Shutdown,
    /// It panicked.
    Panicked {
        /// The payload of the panic if it is text, otherwise a note that it is not.
        message: String,
    },
    /// Its heartbeat stopped; its task was aborted.
    Hung {
        /// Milliseconds since the last heartbeat when it was aborted.
        silent_ms: u64,
    },
    /// It never became ready: it stopped in `started()`, called
    /// [`Starter::fail`](super::Starter::fail) before it was ready, or its thread did not start.
    StartFailed {
        /// The error.
        message: String,
    },
    /// It did not become ready within its start timeout.
    StartTimedOut,
    /// It reported an error through [`Starter::fail`](super::Starter::fail).
    Failed {
        /// The error.
        message: String,
    },
    /// Its task was aborted by something other than its supervisor, for instance because its
    /// runtime ended.
    Cancelled,
    /// It did not stop within its shutdown timeout, and was aborted.
    Killed,
    /// Its task was aborted but did not end, because something blocks its thread.
    Unkillable,
    /// It is a supervisor, and one of its children exceeded its restart intensity or could not be
    /// aborted.
    Escalated {
        /// That child.
        child: ActorId,
        /// The last exit of that child.
        reason: Box<ExitReason>,
    },
}

/// The classes of restarts that are counted separately; `Display` gives the label for a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum RestartCause {
    /// A panic.
    Panic,
    /// The actor stopped on its own.
    Stopped,
    /// The actor hung, or was so slow that its heartbeat was missed.
    Hung,
    /// It did not become ready.
    StartFailed,
    /// It reported an error; for a supervisor, it escalated.
    Failed,
    /// The strategy of its supervisor restarted it together with a sibling.
    Strategy,
    /// Its task was aborted from outside.
    Cancelled,
}

// === impl ExitReason ===

impl ExitReason {
    /// Whether this exit is orderly, so that a `Transient` child stays down.
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

    /// The label for a metric.
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
