//! One structured log event for each panic.

use std::panic;
use std::sync::Once;

use super::current_actor;
use super::exit_reason::panic_message;

/// Turns every panic of the process into one `tracing` event at level `ERROR` with the fields
/// `actor` (empty outside the task of an actor, see [`current_actor`]), `location`
/// (file:line:column) and `payload`. It replaces the default hook, which prints to standard error.
/// Further calls have no effect. Requires the feature `panic-hook`.
pub fn install_panic_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| panic::set_hook(Box::new(report)));
}

fn report(info: &panic::PanicHookInfo<'_>) {
    let actor = current_actor().map(|id| id.to_string()).unwrap_or_default();
    let location = info.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(actor, location, payload = panic_message(info.payload()), "panicked");
}
