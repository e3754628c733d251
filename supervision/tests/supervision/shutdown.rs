//! Orderly stops.

use std::time::Duration;

use actix_supervisor::testing::{FailureMode, Ping, Script, TestHarness, Trigger, WriteLine};
use actix_supervisor::{
    ActorState, CallError, ChildSpec, Exit, ExitReason, Shutdown, StartChildError, StopChildError, Strategy,
    SupervisorSpec,
};
use tokio::time::Instant;

use super::{incarnations, millis, settle, tree_of};

#[test]
fn a_shutdown_stops_the_last_started_first_at_all_levels() {
    TestHarness::run(|harness| async move {
        let (_, a) = harness.actor("a");
        let (_, b) = harness.actor("b");
        let (_, c) = harness.actor("c");
        let (last, d) = harness.actor("d");
        let nested = SupervisorSpec::new("nested", Strategy::OneForOne).child(b).child(c);
        let root = harness.start(tree_of(a).child(ChildSpec::supervisor(nested)).child(d));
        last.ready().await.unwrap();
        harness.journal().take();
        assert_eq!(root.shutdown(Duration::from_secs(10)).await, Exit::Shutdown);
        assert_eq!(root.exit().unwrap().code(), 0);
        let stopped: Vec<_> =
            harness.journal().take().into_iter().filter(|line| line.ends_with("stopped")).collect();
        assert_eq!(stopped, ["d stopped", "c stopped", "b stopped", "a stopped"]);
        assert!(root.tree().actors.iter().all(|actor| actor.state == ActorState::Stopped));
    });
}

#[test]
fn an_orderly_stop_handles_accepted_messages_then_drains() {
    TestHarness::run(|harness| async move {
        let (actor, spec) = harness.actor("a");
        let root = harness.start(tree_of(spec));
        actor.ready().await.unwrap();
        actor.cast(WriteLine("one".to_owned(), millis(10))).unwrap();
        actor.cast(WriteLine("two".to_owned(), millis(10))).unwrap();
        root.shutdown(Duration::from_secs(1)).await;
        assert_eq!(harness.journal().take(), ["a started", "a one", "a two", "a drained", "a stopped"]);
        assert_eq!(root.tree().actor("a").unwrap().lost_messages, 0);
    });
}

#[test]
fn a_stopping_actor_rejects_messages() {
    TestHarness::run(|harness| async move {
        let (actor, spec) = harness.scripted("a", Script::default().draining(millis(100)));
        let root = harness.start(tree_of(spec));
        actor.ready().await.unwrap();
        let stopping = root.clone();
        let shutdown =
            tokio::task::spawn_local(async move { stopping.shutdown(Duration::from_secs(1)).await });
        tokio::time::sleep(millis(50)).await;
        assert_eq!(actor.call(Ping).await, Err(CallError::Restarting));
        shutdown.await.unwrap();
        assert_eq!(actor.call(Ping).await, Err(CallError::Stopped));
    });
}

#[test]
fn a_child_that_does_not_stop_in_time_is_aborted() {
    TestHarness::run(|harness| async move {
        let (actor, spec) = harness.actor("a");
        let root = harness.start(tree_of(spec.no_heartbeat().shutdown(Shutdown::Timeout(millis(300)))));
        actor.ready().await.unwrap();
        actor.cast(Trigger(FailureMode::Hang)).unwrap();
        let started = Instant::now();
        assert_eq!(root.shutdown(Duration::from_secs(10)).await, Exit::Shutdown);
        assert_eq!(started.elapsed(), millis(300));
        assert_eq!(root.tree().actor("a").unwrap().last_exit, Some(ExitReason::Killed));
    });
}

#[test]
fn a_brutal_shutdown_does_not_wait() {
    TestHarness::run(|harness| async move {
        let (actor, spec) = harness.actor("a");
        let root = harness.start(tree_of(spec.shutdown(Shutdown::Brutal)));
        actor.ready().await.unwrap();
        actor.cast(WriteLine("never".to_owned(), millis(500))).unwrap();
        actor.cast(Ping).unwrap();
        let started = Instant::now();
        root.shutdown(Duration::from_secs(10)).await;
        assert_eq!(started.elapsed(), Duration::ZERO);
        assert_eq!(root.tree().actor("a").unwrap().last_exit, Some(ExitReason::Shutdown));
    });
}

#[test]
fn the_grace_period_limits_the_shutdown_of_the_whole_tree() {
    TestHarness::run(|harness| async move {
        let slow = || Script::default().draining(Duration::from_secs(60));
        let (_, one) = harness.scripted("one", slow());
        let (last, two) = harness.scripted("two", slow());
        let root =
            harness.start(tree_of(one.shutdown(Shutdown::Infinity)).child(two.shutdown(Shutdown::Infinity)));
        last.ready().await.unwrap();
        let started = Instant::now();
        assert_eq!(root.shutdown(Duration::from_secs(20)).await, Exit::Shutdown);
        assert_eq!(started.elapsed(), Duration::from_secs(20));
    });
}

#[test]
fn a_second_shutdown_shortens_the_grace_period() {
    TestHarness::run(|harness| async move {
        let (actor, spec) = harness.scripted("a", Script::default().draining(Duration::from_secs(60)));
        let root = harness.start(tree_of(spec.shutdown(Shutdown::Infinity)));
        actor.ready().await.unwrap();
        let started = Instant::now();
        let first_caller = root.clone();
        tokio::task::spawn_local(async move { first_caller.shutdown(Duration::from_secs(50)).await });
        tokio::time::sleep(Duration::from_secs(1)).await;
        root.shutdown(Duration::from_secs(1)).await;
        assert_eq!(started.elapsed(), Duration::from_secs(2));
    });
}

#[test]
fn a_tree_can_be_shut_down_while_it_starts() {
    TestHarness::run(|harness| async move {
        let (_, never) = harness
            .scripted("never", Script::on_start(|_| actix_supervisor::testing::StartBehavior::NeverReady));
        let (_, next) = harness.actor("next");
        let root = harness.start(tree_of(never).child(next));
        tokio::time::sleep(millis(10)).await;
        assert_eq!(root.shutdown(Duration::from_secs(1)).await, Exit::Shutdown);
        assert_eq!(root.tree().actor("next").unwrap().incarnation, 0);
    });
}

#[test]
fn a_child_waiting_for_its_restart_does_not_delay_a_shutdown() {
    use actix_supervisor::Backoff;
    TestHarness::run(|harness| async move {
        let (actor, spec) = harness.actor("a");
        let hour = Duration::from_secs(3600);
        let backoff = Backoff { base: hour, max: hour, jitter: 0.0, quiet: hour };
        let root = harness.start(tree_of(spec.backoff(backoff)));
        actor.ready().await.unwrap();
        actor.cast(Trigger(FailureMode::Stop)).unwrap();
        settle().await;
        assert_eq!(root.tree().actor("a").unwrap().state, ActorState::BackingOff);
        let started = Instant::now();
        root.shutdown(Duration::from_secs(1)).await;
        assert_eq!(started.elapsed(), Duration::ZERO);
    });
}

#[test]
fn dynamic_children_can_be_started_restarted_and_stopped() {
    TestHarness::run(|harness| async move {
        let (_, fixed) = harness.actor("static");
        let root = harness.start(tree_of(fixed));
        let supervisor = root.supervisor();
        supervisor.actor().ready().await.unwrap();
        let (actor, spec) = harness.actor("dynamic");
        supervisor.start_child(spec.clone()).await.unwrap();
        assert_eq!(actor.ready().await, Ok(1));
        let duplicate = StartChildError::DuplicateId("dynamic".to_owned());
        assert_eq!(supervisor.start_child(spec.clone()).await, Err(duplicate));
        actor.cast(Trigger(FailureMode::PanicInHandler)).unwrap();
        actor.down(1).await;
        assert_eq!(actor.ready().await, Ok(2));
        supervisor.stop_child("dynamic").await.unwrap();
        assert_eq!(actor.call(Ping).await, Err(CallError::Stopped));
        assert_eq!(root.tree().actor("dynamic"), None);
        let unknown = StopChildError::UnknownChild("dynamic".to_owned());
        assert_eq!(supervisor.stop_child("dynamic").await, Err(unknown));
        supervisor.start_child(spec).await.unwrap();
        assert_eq!(actor.ready().await, Ok(3));
    });
}

#[test]
fn dynamic_children_stop_together() {
    TestHarness::run(|harness| async move {
        let root = harness.start(SupervisorSpec::new("root", Strategy::OneForOne));
        root.supervisor().actor().ready().await.unwrap();
        for n in 0..10 {
            let (_, spec) =
                harness.scripted(&format!("dynamic-{n}"), Script::default().draining(millis(100)));
            root.supervisor().start_child(spec).await.unwrap();
        }
        settle().await;
        let started = Instant::now();
        root.shutdown(Duration::from_secs(10)).await;
        assert_eq!(started.elapsed(), millis(100));
    });
}

#[test]
fn a_stopped_static_child_stays_down_and_in_the_tree() {
    TestHarness::run(|harness| async move {
        let (_, a) = harness.actor("a");
        let (_, b) = harness.actor("b");
        let root = harness.start(tree_of(a).child(b));
        root.supervisor().actor().ready().await.unwrap();
        root.supervisor().stop_child("a").await.unwrap();
        settle().await;
        assert_eq!(incarnations(&root, &["a", "b"]), [0, 1]);
        assert_eq!(root.tree().actor("a").unwrap().state, ActorState::Stopped);
    });
}

#[test]
fn dynamic_children_are_not_restarted_with_their_supervisor() {
    use actix_supervisor::Fault;
    TestHarness::run(|harness| async move {
        let (_, fixed) = harness.actor("static");
        let root = harness.start(tree_of(fixed));
        let supervisor = root.supervisor();
        supervisor.actor().ready().await.unwrap();
        let (actor, spec) = harness.actor("dynamic");
        supervisor.start_child(spec).await.unwrap();
        actor.ready().await.unwrap();
        root.inject("root", Fault::Panic).unwrap();
        settle().await;
        assert_eq!(incarnations(&root, &["root", "static"]), [2, 2]);
        assert_eq!(root.tree().actor("dynamic"), None);
        assert_eq!(actor.call(Ping).await, Err(CallError::Stopped));
    });
}
