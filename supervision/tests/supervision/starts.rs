//! Starts, and failures to start.

use std::time::Duration;

use actix_supervisor::testing::{FailureMode, Ping, Script, StartBehavior, TestHarness, Trigger};
use actix_supervisor::{
    ActorState, CallError, Exit, ExitReason, Intensity, Restart, RestartCause, Strategy, SupervisorSpec,
    start_root,
};
use tokio::time::Instant;

use super::{incarnations, millis, settle, tree_of};

/// How the first incarnation of an actor with this behavior ended; asserts that the second is
/// running.
fn first_exit(behavior: StartBehavior) -> ExitReason {
    TestHarness::run(|harness| async move {
        let script = Script::on_start(move |n| if n == 1 { behavior.clone() } else { StartBehavior::Ready });
        let (actor, spec) = harness.scripted("a", script);
        let root = harness.start(tree_of(spec.start_timeout(millis(300))));
        assert_eq!(actor.ready().await, Ok(2));
        root.tree().actor("a").unwrap().last_exit.clone().unwrap()
    })
}

#[test]
fn an_actor_that_fails_to_start_is_started_again() {
    let failed = |message: &str| ExitReason::StartFailed { message: message.to_owned() };
    let panicked = |message: &str| ExitReason::Panicked { message: message.to_owned() };
    assert_eq!(first_exit(StartBehavior::PanicsInFactory), panicked("scripted panic in the factory"));
    assert_eq!(first_exit(StartBehavior::PanicsInStarted), panicked("scripted panic in started"));
    assert_eq!(first_exit(StartBehavior::StopsInStarted), failed("stopped before it was ready"));
    assert_eq!(first_exit(StartBehavior::FailsInFactory), failed("scripted failure"));
    assert_eq!(first_exit(StartBehavior::NeverReady), ExitReason::StartTimedOut);
}

#[test]
fn an_actor_that_always_stops_in_started_escalates_instead_of_looping() {
    TestHarness::run(|harness| async move {
        let (_, spec) = harness.scripted("a", Script::on_start(|_| StartBehavior::StopsInStarted));
        let root = harness.start(tree_of(spec));
        let message = "stopped before it was ready".to_owned();
        let reason = ExitReason::StartFailed { message };
        assert_eq!(root.wait().await, Exit::Escalated { child: "a".into(), reason });
        assert_eq!(root.tree().actor("a").unwrap().restarts.get(RestartCause::StartFailed), 20);
    });
}

#[test]
fn an_actor_receives_no_message_before_it_is_ready() {
    TestHarness::run(|harness| async move {
        let (actor, spec) =
            harness.scripted("a", Script::on_start(|_| StartBehavior::ReadyAfter(millis(200))));
        let root = harness.start(tree_of(spec));
        tokio::time::sleep(millis(100)).await;
        assert_eq!(actor.call(Ping).await, Err(CallError::Restarting));
        assert_eq!(root.tree().actor("a").unwrap().state, ActorState::Starting);
        assert_eq!(actor.ready().await, Ok(1));
    });
}

#[test]
fn children_start_in_order_each_after_the_previous_one_is_ready() {
    for strategy in [Strategy::OneForOne, Strategy::RestForOne, Strategy::OneForAll] {
        TestHarness::run(|harness| async move {
            let (_, slow) =
                harness.scripted("slow", Script::on_start(|_| StartBehavior::ReadyAfter(millis(200))));
            let (last, quick) = harness.actor("quick");
            let started = Instant::now();
            let root = harness.start(SupervisorSpec::new("root", strategy).child(slow).child(quick));
            last.ready().await.unwrap();
            assert!(started.elapsed() >= millis(200));
            assert_eq!(harness.journal().take(), ["slow started", "quick started"]);
            root.supervisor().actor().ready().await.unwrap();
        });
    }
}

#[test]
fn a_nested_supervisor_is_ready_when_its_children_are() {
    TestHarness::run(|harness| async move {
        let (_, slow) =
            harness.scripted("slow", Script::on_start(|_| StartBehavior::ReadyAfter(millis(200))));
        let (last, quick) = harness.actor("quick");
        let nested = SupervisorSpec::new("nested", Strategy::OneForOne).child(slow);
        let spec = SupervisorSpec::new("root", Strategy::OneForOne)
            .child(actix_supervisor::ChildSpec::supervisor(nested))
            .child(quick);
        harness.start(spec);
        let started = Instant::now();
        last.ready().await.unwrap();
        assert!(started.elapsed() >= millis(200));
    });
}

#[test]
fn a_child_that_fails_while_its_supervisor_boots_delays_its_successors_until_it_is_ready() {
    TestHarness::run(|harness| async move {
        let script =
            Script::on_start(|n| if n < 4 { StartBehavior::PanicsInStarted } else { StartBehavior::Ready });
        let (_, flaky) = harness.scripted("flaky", script);
        let (last, spec) = harness.actor("last");
        let root = harness.start(tree_of(flaky).child(spec));
        assert_eq!(last.ready().await, Ok(1));
        assert_eq!(incarnations(&root, &["flaky", "last"]), [4, 1]);
    });
}

#[test]
fn a_temporary_child_that_fails_to_start_is_left_out() {
    TestHarness::run(|harness| async move {
        let (_, spec) = harness.scripted("a", Script::on_start(|_| StartBehavior::FailsInFactory));
        let (last, next) = harness.actor("b");
        let root = harness.start(tree_of(spec.restart(Restart::Temporary)).child(next));
        assert_eq!(last.ready().await, Ok(1));
        assert_eq!(root.tree().actor("a").unwrap().state, ActorState::Failed);
    });
}

#[test]
fn the_restart_delay_grows_and_is_reset_after_a_quiet_period() {
    use actix_supervisor::Backoff;
    TestHarness::run(|harness| async move {
        let (actor, spec) = harness.actor("a");
        let backoff =
            Backoff { base: millis(10), max: millis(1000), jitter: 0.0, quiet: Duration::from_secs(5) };
        harness.start(tree_of(spec.backoff(backoff)));
        let mut delays = Vec::new();
        for pause in [0, 0, 0, 6] {
            let incarnation = actor.ready().await.unwrap();
            tokio::time::sleep(Duration::from_secs(pause)).await;
            actor.call(Trigger(FailureMode::PanicInHandler)).await.unwrap_err();
            actor.down(incarnation).await;
            let exited_at = Instant::now();
            actor.ready().await.unwrap();
            delays.push(exited_at.elapsed().as_millis());
        }
        assert_eq!(delays, [10, 20, 40, 10]);
    });
}

#[test]
fn a_tree_with_two_actors_of_the_same_name_is_rejected() {
    TestHarness::run(|harness| async move {
        let (_, first) = harness.actor("a");
        let (_, second) = harness.actor("a");
        let nested = SupervisorSpec::new("nested", Strategy::OneForOne).child(second);
        let child = actix_supervisor::ChildSpec::supervisor(nested);
        let error = start_root(tree_of(first).child(child)).unwrap_err();
        assert_eq!(error.to_string(), "two actors of the tree are called a");
    });
}

#[test]
fn exactly_the_tolerated_number_of_restarts_is_tolerated() {
    TestHarness::run(|harness| async move {
        let script =
            Script::on_start(|n| if n <= 3 { StartBehavior::PanicsInStarted } else { StartBehavior::Ready });
        let (actor, spec) = harness.scripted("a", script);
        let root = harness.start(tree_of(spec.intensity(Intensity::new(3, Duration::from_secs(10)))));
        assert_eq!(actor.ready().await, Ok(4));
        settle().await;
        assert_eq!(root.exit(), None);
        actor.cast(Trigger(FailureMode::Stop)).unwrap();
        assert_eq!(root.wait().await, Exit::Escalated { child: "a".into(), reason: ExitReason::Normal });
    });
}
