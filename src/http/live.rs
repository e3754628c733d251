//! `/livez`: whether the process can make progress.

use std::time::Duration;

use actix_supervisor::{ActorSnapshot, ActorState, Exit};
use actix_web::{HttpResponse, web};
use serde_json::json;

use super::AppState;

/// 200 while the root supervisor beats; the platform restarts the process otherwise.
pub(super) async fn live(state: web::Data<AppState>) -> HttpResponse {
    let exit = state.sources.tree.get().and_then(|root| root.exit());
    let tree = state.tree();
    let root = tree.actors.iter().find(|actor| actor.parent.is_none());
    match obstacle(exit.as_ref(), root, state.liveness_limit) {
        None => HttpResponse::Ok().json(json!({ "status": "ok" })),
        Some(reason) => {
            HttpResponse::ServiceUnavailable().json(json!({ "status": "dead", "reason": reason }))
        }
    }
}

/// Why no progress can be made, if so.
fn obstacle(exit: Option<&Exit>, root: Option<&ActorSnapshot>, limit: Duration) -> Option<String> {
    match exit {
        Some(Exit::Shutdown) => return Some("the supervision tree was shut down".into()),
        Some(Exit::Cancelled) => return Some("the runtime of the supervision tree ended".into()),
        Some(Exit::Escalated { child, reason }) => {
            return Some(format!("the supervision tree gave up on {child}: {reason}"));
        }
        Some(_) => return Some("the supervision tree has ended".into()),
        None => {}
    }
    let Some(root) = root else { return Some("the supervision tree is not started".into()) };
    match (root.state, root.heartbeat_age_seconds) {
        (ActorState::Failed | ActorState::Stopped, _) => Some(format!("{} has ended", root.id)),
        (_, Some(age)) if age > limit.as_secs_f64() => {
            Some(format!("{} has been silent for {age:.1} s", root.id))
        }
        // Between two incarnations, for milliseconds, there is no heartbeat.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use actix_supervisor::{ChildKind, ExitReason, RestartCounts};

    use super::*;
    use crate::http::testing::{fresh, get, with_tree};

    fn root(state: ActorState, age: Option<f64>) -> ActorSnapshot {
        ActorSnapshot {
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
        }
    }

    #[test]
    fn only_a_root_that_beats_or_is_being_restarted_is_alive() {
        let limit = Duration::from_secs(10);
        let with = |state, age| obstacle(None, Some(&root(state, age)), limit);
        assert_eq!(with(ActorState::Running, Some(0.5)), None);
        assert_eq!(with(ActorState::BackingOff, None), None);
        assert_eq!(with(ActorState::Running, Some(10.5)), Some("root has been silent for 10.5 s".into()));
        assert_eq!(with(ActorState::Failed, None), Some("root has ended".into()));
        assert!(obstacle(None, None, limit).is_some());
    }

    #[test]
    fn a_tree_that_ended_says_how() {
        let exit = Exit::Escalated { child: "store".into(), reason: ExitReason::Normal };
        let alive = root(ActorState::Running, Some(0.0));
        let reason = obstacle(Some(&exit), Some(&alive), Duration::from_secs(10));
        assert_eq!(reason, Some("the supervision tree gave up on store: stopped by itself".into()));
    }

    #[actix::test]
    async fn the_process_is_alive_while_its_tree_is() {
        for path in ["/livez", "/health/live"] {
            let answer = get(&fresh(), path).await;
            assert_eq!((answer.status, answer.json()["status"].as_str()), (503, Some("dead")));
            let (state, root) = with_tree(fresh()).await;
            let answer = get(&state, path).await;
            assert_eq!((answer.status, answer.json()["status"].as_str()), (200, Some("ok")));
            root.shutdown(Duration::from_secs(5)).await;
            assert_eq!(get(&state, path).await.status, 503);
        }
    }
}
