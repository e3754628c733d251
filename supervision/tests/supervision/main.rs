//! The supervision library seen from outside, in virtual time.

mod actor_ref;
mod deaths;
mod escalation;
mod heartbeats;
mod own_arbiter;
mod panics;
mod properties;
mod shutdown;
mod starts;
mod strategies;

use std::time::Duration;

use actix_supervisor::{ChildSpec, RootHandle, Strategy, SupervisorSpec};

/// A tree of one child.
fn alone(child: ChildSpec) -> SupervisorSpec {
    SupervisorSpec::new("root", Strategy::OneForOne).child(child)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Lets everything happen that happens within a virtual second.
async fn settle() {
    tokio::time::sleep(Duration::from_secs(1)).await;
}

/// The living incarnations of these actors; 0 for an actor that is not up.
fn incarnations(root: &RootHandle, ids: &[&str]) -> Vec<u64> {
    let tree = root.tree();
    let of = |id: &&str| tree.actor(id).filter(|actor| actor.state.as_str() == "running");
    ids.iter().map(|id| of(id).map_or(0, |actor| actor.incarnation)).collect()
}
