//! Tests of the public API, in virtual time.

mod actor_ref;
mod escalation;
mod exits;
mod heartbeats;
mod own_arbiter;
mod panic_hook;
mod properties;
mod shutdown;
mod starts;
mod strategies;

use std::time::Duration;

use actix_supervisor::{ChildSpec, RootHandle, Strategy, SupervisorSpec};

/// A tree with one child.
fn tree_of(child: ChildSpec) -> SupervisorSpec {
    SupervisorSpec::new("root", Strategy::OneForOne).child(child)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Lets one virtual second pass.
async fn settle() {
    tokio::time::sleep(Duration::from_secs(1)).await;
}

/// The incarnations of these actors; 0 for an actor that is not running.
fn incarnations(root: &RootHandle, ids: &[&str]) -> Vec<u64> {
    let tree = root.tree();
    let of = |id: &&str| tree.actor(id).filter(|actor| actor.state.as_str() == "running");
    ids.iter().map(|id| of(id).map_or(0, |actor| actor.incarnation)).collect()
}
