//! Facts that must show at once, not with the next assessment.

use std::time::Duration;

use actix_supervisor::{ActorState, Exit, TreeSnapshot};

use super::HealthSnapshot;
use crate::role::{Epoch, Role};

/// Facts that cannot wait for the next assessment: a platform acts on them within moments, or the
/// health actor itself may have ended. They are read for each request and take precedence over the
/// published snapshot.
#[derive(Clone, Debug)]
pub struct UrgentFacts {
    /// Whether the replica is shutting down.
    pub draining: bool,
    /// Whether an encoded page of activity is there to be served.
    pub has_activity: bool,
    /// The epoch under which it leads: a process that was held up may have lost its leadership
    /// since the assessment.
    pub epoch: Option<Epoch>,
    /// The supervision tree; empty before it is started.
    pub tree: TreeSnapshot,
}

impl HealthSnapshot {
    /// This snapshot, brought up to date with `facts`.
    pub fn updated(&self, facts: UrgentFacts) -> HealthSnapshot {
        let not_ready = self.not_ready_because(&facts);
        HealthSnapshot {
            role: if facts.epoch.is_some() { Role::Leader } else { Role::Follower },
            epoch: facts.epoch,
            ready: not_ready.is_none(),
            not_ready,
            actors: facts.tree,
            ..self.clone()
        }
    }

    /// Degraded or unhealthy components are no reason: what is stored can be served without them.
    fn not_ready_because(&self, facts: &UrgentFacts) -> Option<String> {
        if facts.draining {
            return Some("going down".into());
        }
        if !facts.has_activity {
            let store = self.components.get("store").map(|store| store.detail.as_str());
            let detail = store.filter(|detail| !detail.is_empty());
            return Some(detail.unwrap_or("no numbers were loaded yet").into());
        }
        (!self.ready).then(|| "not assessed as ready yet".into())
    }

    /// Why the process can make no progress: the supervision tree has ended (with `exit`), is not
    /// started, or its root has had no heartbeat for longer than `limit`. `None` while it is alive.
    pub fn not_alive_because(&self, exit: Option<&Exit>, limit: Duration) -> Option<String> {
        match exit {
            Some(Exit::Shutdown) => return Some("the supervision tree was shut down".into()),
            Some(Exit::Cancelled) => return Some("the runtime of the supervision tree ended".into()),
            Some(Exit::Escalated { child, reason }) => {
                return Some(format!("the supervision tree gave up on {child}: {reason}"));
            }
            Some(_) => return Some("the supervision tree has ended".into()),
            None => {}
        }
        let Some(root) = self.actors.actors.iter().find(|actor| actor.parent.is_none()) else {
            return Some("the supervision tree is not started".into());
        };
        match (root.state, root.heartbeat_age_seconds) {
            (ActorState::Failed | ActorState::Stopped, _) => Some(format!("{} has ended", root.id)),
            (_, Some(age)) if age > limit.as_secs_f64() => {
                Some(format!("{} has been silent for {age:.1} s", root.id))
            }
            // Between two incarnations, for milliseconds, there is no heartbeat.
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_supervisor::{ActorSnapshot, ChildKind, ExitReason, RestartCounts};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    fn with_root(state: ActorState, age: Option<f64>) -> HealthSnapshot {
        let root = ActorSnapshot {
            id: "root".into(),
            parent: None,
            kind: ChildKind::Supervisor,
            state,
            incarnation: 1,
            restarts: RestartCounts::default(),
            last_exit: None,
            mailbox_depth: 0,
            lost_messages: 0,
            heartbeat_age_seconds: age,
            uptime_seconds: age,
        };
        HealthSnapshot { actors: TreeSnapshot { actors: vec![root] }, ..HealthSnapshot::starting() }
    }

    #[test]
    fn only_a_root_with_a_heartbeat_or_being_restarted_is_alive() {
        let with = |state, age| with_root(state, age).not_alive_because(None, LIMIT);
        assert_eq!(with(ActorState::Running, Some(0.5)), None);
        assert_eq!(with(ActorState::BackingOff, None), None);
        assert_eq!(with(ActorState::Running, Some(10.5)), Some("root has been silent for 10.5 s".into()));
        assert_eq!(with(ActorState::Failed, None), Some("root has ended".into()));
        assert!(HealthSnapshot::starting().not_alive_because(None, LIMIT).is_some());
    }

    #[test]
    fn a_tree_that_ended_reports_why() {
        let exit = Exit::Escalated { child: "store".into(), reason: ExitReason::Normal };
        let alive = with_root(ActorState::Running, Some(0.0));
        let reason = alive.not_alive_because(Some(&exit), LIMIT);
        assert_eq!(reason, Some("the supervision tree gave up on store: stopped by itself".into()));
    }
}
