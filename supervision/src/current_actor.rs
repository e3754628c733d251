//! The actor whose task is running.

use super::ActorId;

tokio::task_local! {
    /// The actor whose task is being polled.
    pub(crate) static CURRENT_ACTOR: ActorId;
}

/// The name of the actor whose task is running on this thread, for logs. `None` outside the task of
/// an actor, for instance in the future of a plain `ResponseFuture`.
pub fn current_actor() -> Option<ActorId> {
    CURRENT_ACTOR.try_with(Clone::clone).ok()
}
