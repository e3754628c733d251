//! Detection of hung actors.

use std::time::Duration;

use actix_supervisor::testing::{FailureMode, Ping, TestHarness, Trigger};
use actix_supervisor::{CallError, ExitReason, Heartbeat};

use super::{millis, tree_of};

#[test]
fn a_silent_actor_is_restarted_one_interval_after_its_limit() {
    TestHarness::run(|harness| async move {
        let (actor, spec) = harness.actor("a");
        let root = harness.start(tree_of(spec.heartbeat(Heartbeat::new(millis(100), 3))));
        actor.ready().await.unwrap();
        assert_eq!(actor.call(Trigger(FailureMode::Hang)).await, Err(CallError::Died));
        assert_eq!(actor.ready().await, Ok(2));
        let last_exit = root.tree().actor("a").unwrap().last_exit.clone();
        assert_eq!(last_exit, Some(ExitReason::Hung { silent_ms: 400 }));
    });
}

#[test]
fn an_actor_that_is_slow_within_its_limit_is_not_restarted() {
    TestHarness::run(|harness| async move {
        let (actor, spec) = harness.actor("a");
        harness.start(tree_of(spec.heartbeat(Heartbeat::new(millis(100), 3))));
        actor.ready().await.unwrap();
        actor.cast(Trigger(FailureMode::Pause(millis(250)))).unwrap();
        assert_eq!(actor.call(Ping).await, Ok(1));
    });
}

#[test]
fn an_actor_without_heartbeat_may_be_silent_for_any_time() {
    TestHarness::run(|harness| async move {
        let (actor, spec) = harness.actor("a");
        harness.start(tree_of(spec.no_heartbeat()));
        actor.ready().await.unwrap();
        actor.cast(Trigger(FailureMode::Pause(Duration::from_secs(3600)))).unwrap();
        assert_eq!(actor.call_within(Ping, Duration::from_secs(4000)).await, Ok(1));
    });
}

#[test]
fn an_idle_actor_keeps_beating() {
    TestHarness::run(|harness| async move {
        let (actor, spec) = harness.actor("a");
        let root = harness.start(tree_of(spec));
        actor.ready().await.unwrap();
        tokio::time::sleep(Duration::from_secs(3600)).await;
        let snapshot = root.tree().actor("a").cloned().unwrap();
        assert_eq!(snapshot.incarnation, 1);
        assert!(snapshot.heartbeat_age_seconds.unwrap() <= 1.0, "{snapshot:?}");
        assert!(snapshot.uptime_seconds.unwrap() >= 3600.0, "{snapshot:?}");
    });
}
