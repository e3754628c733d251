//! Why a message got no answer.

use thiserror::Error;

/// Why [`ActorRef::call`](super::ActorRef::call) has no answer to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CallError {
    /// No incarnation lives right now, but one is on its way: the message was not accepted. Retry later.
    #[error("the actor is restarting")]
    Restarting,
    /// The actor has stopped and nobody intends to start it again: the message was not accepted.
    #[error("the actor has stopped for good")]
    Stopped,
    /// The message was accepted, then the incarnation died, or the future of its response did, before it answered.
    /// Whether it took effect is unknown: retry only what may happen twice.
    #[error("the actor died before it answered")]
    Died,
    /// The message was accepted, but its answer did not come in time. It may still take effect.
    #[error("the actor did not answer in time")]
    TimedOut,
    /// The mailbox had no free slot before the deadline: the message was not accepted.
    #[error("the mailbox of the actor is full")]
    Full,
}

/// Why [`ActorRef::cast`](super::ActorRef::cast) did not accept a message. The message had no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CastError {
    /// No incarnation lives right now, but one is on its way. Retry later.
    #[error("the actor is restarting")]
    Restarting,
    /// The actor has stopped and nobody intends to start it again.
    #[error("the actor has stopped for good")]
    Stopped,
    /// The mailbox has no free slot.
    #[error("the mailbox of the actor is full")]
    Full,
}

/// The actor has stopped and nobody intends to start it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the actor has stopped for good")]
pub struct Stopped;

// === impl CallError ===

impl From<CastError> for CallError {
    fn from(error: CastError) -> Self {
        match error {
            CastError::Restarting => Self::Restarting,
            CastError::Stopped => Self::Stopped,
            CastError::Full => Self::Full,
        }
    }
}

impl From<Stopped> for CallError {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

impl CallError {
    /// Whether a later attempt may succeed: everything but [`CallError::Stopped`].
    pub fn is_transient(self) -> bool {
        self != Self::Stopped
    }
}
