//! One structured log line for each panic.

use std::panic;
use std::sync::Once;

use super::ActorId;
use super::exit_reason::panic_message;

#[cfg(panic = "abort")]
compile_error!("supervision turns panics into restarts: build with `panic = \"unwind\"`");

tokio::task_local! {
    /// The actor whose task is being polled.
    pub(crate) static CURRENT_ACTOR: ActorId;
}

/// Makes every panic of the process one `tracing` event at level `ERROR` with the fields `actor` (empty outside of
/// an actor's task, for instance in the future of a plain `ResponseFuture`), `location` (file:line:column) and
/// `payload`; it replaces the default hook, which prints to standard error. Further calls change nothing.
pub fn install_panic_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| panic::set_hook(Box::new(report)));
}

fn report(info: &panic::PanicHookInfo<'_>) {
    let actor = current_actor().map(|id| id.to_string()).unwrap_or_default();
    let location = info.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(actor, location, payload = panic_message(info.payload()), "panicked");
}

/// The name of the actor whose task runs on this thread right now, for logs.
pub fn current_actor() -> Option<ActorId> {
    CURRENT_ACTOR.try_with(Clone::clone).ok()
}
