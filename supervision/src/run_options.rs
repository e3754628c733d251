//! How an incarnation runs.

use std::time::Duration;

/// The thread a child runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Placement {
    /// The thread of its supervisor.
    #[default]
    Same,
    /// A new thread for each incarnation, for actors that may block it. Needs a running actix
    /// `System`.
    ///
    /// Such an actor, if it blocks its thread, is detected by its heartbeat; the abort cannot take
    /// effect, and its supervisor escalates with
    /// [`ExitReason::Unkillable`](super::ExitReason::Unkillable). On the thread of its supervisor
    /// it would block the supervisor as well, and only the heartbeat ages in
    /// [`RootHandle::tree`](super::RootHandle::tree), read from another thread, would reveal it.
    OwnArbiter,
}

/// What an incarnation needs to run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunOptions {
    pub(crate) placement: Placement,
    pub(crate) mailbox_capacity: usize,
    pub(crate) heartbeat_interval: Duration,
}
