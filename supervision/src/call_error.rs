//! Why a message was not accepted, or got no reply.

use thiserror::Error;

/// Why [`ActorRef::call`](super::ActorRef::call) returned no reply.
///
/// | error | accepted? | what to do |
/// |---|---|---|
/// | `Restarting` | no | retry soon, or wait with [`ActorRef::ready`](super::ActorRef::ready) |
/// | `Stopped` | no | give up: no supervisor will start the actor again |
/// | `Full` | no | slow down |
/// | `Died` | yes | the message may or may not have taken effect: repeat only what is idempotent |
/// | `TimedOut` | yes | likewise; it may still take effect later |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CallError {
    /// No incarnation is running now, but one will be started: the message was not accepted. Retry
    /// later.
    #[error("the actor is restarting")]
    Restarting,
    /// The actor has stopped and will not be started again: the message was not accepted.
    #[error("the actor has stopped for good")]
    Stopped,
    /// The message was accepted, but then the incarnation ended, or the future of its response did,
    /// before the reply. Whether the message took effect is unknown: repeat only what is
    /// idempotent.
    #[error("the actor died before it answered")]
    Died,
    /// The message was accepted, but there was no reply in time. It may still take effect.
    #[error("the actor did not answer in time")]
    TimedOut,
    /// The mailbox had no free slot before the deadline: the message was not accepted.
    #[error("the mailbox of the actor is full")]
    Full,
}

/// Why [`ActorRef::cast`](super::ActorRef::cast) did not accept a message. The message had no
/// effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CastError {
    /// No incarnation is running now, but one will be started. Retry later.
    #[error("the actor is restarting")]
    Restarting,
    /// The actor has stopped and will not be started again.
    #[error("the actor has stopped for good")]
    Stopped,
    /// The mailbox has no free slot.
    #[error("the mailbox of the actor is full")]
    Full,
}

/// The actor has stopped and will not be started again.
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
    /// Whether a later attempt may succeed: true for every error but [`CallError::Stopped`].
    pub fn is_transient(self) -> bool {
        self != Self::Stopped
    }
}
