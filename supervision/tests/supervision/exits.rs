//! Every kind of exit, and the reason the supervisor reports for it.

use actix_supervisor::testing::{FailureMode, Ping, TestHarness, Trigger};
use actix_supervisor::{ExitReason, Fault, InjectError, RestartCause};

use super::{settle, tree_of};

/// Makes an actor fail and returns how its first incarnation ended; asserts that the second is
/// running.
fn exit_after(failure: FailureMode) -> ExitReason {
    TestHarness::run(|harness| async move {
        let (actor, spec) = harness.actor("a");
        let root = harness.start(tree_of(spec));
        actor.ready().await.unwrap();
        actor.cast(Trigger(failure)).unwrap();
        actor.down(1).await;
        assert_eq!(actor.ready().await, Ok(2));
        assert_eq!(actor.call(Ping).await, Ok(2));
        let snapshot = root.tree().actor("a").cloned().unwrap();
        assert_eq!(snapshot.restarts.total(), 1);
        snapshot.last_exit.unwrap()
    })
}

fn panicked(message: &str) -> ExitReason {
    ExitReason::Panicked { message: message.to_owned() }
}

#[test]
fn a_panic_in_a_handler_is_a_panic() {
    assert_eq!(exit_after(FailureMode::PanicInHandler), panicked("scripted panic in a handler"));
}

#[test]
fn a_panic_in_a_timer_is_a_panic() {
    assert_eq!(exit_after(FailureMode::PanicInTimer), panicked("scripted panic in a timer"));
}

#[test]
fn a_panic_in_a_spawned_future_is_a_panic() {
    assert_eq!(exit_after(FailureMode::PanicInSpawnedFuture), panicked("scripted panic in a spawned future"));
}

#[test]
fn a_panic_in_an_actor_response_is_a_panic() {
    assert_eq!(exit_after(FailureMode::PanicInActorFuture), panicked("scripted panic in a response"));
}

#[test]
fn an_actor_that_stops_itself_ends_normally() {
    assert_eq!(exit_after(FailureMode::Stop), ExitReason::Normal);
    assert_eq!(exit_after(FailureMode::Terminate), ExitReason::Normal);
}

#[test]
fn an_actor_that_reports_an_error_failed() {
    assert_eq!(exit_after(FailureMode::Fail), ExitReason::Failed { message: "scripted failure".to_owned() });
}

#[test]
fn an_actor_stuck_in_a_wait_hung() {
    assert_eq!(exit_after(FailureMode::Hang), ExitReason::Hung { silent_ms: 6000 });
}

#[test]
fn every_injected_fault_ends_the_incarnation_and_is_counted_by_its_cause() {
    let causes = [RestartCause::Panic, RestartCause::Hung, RestartCause::Stopped];
    for (fault, cause) in Fault::ALL.into_iter().zip(causes) {
        TestHarness::run(|harness| async move {
            let (actor, spec) = harness.actor("a");
            let root = harness.start(tree_of(spec));
            actor.ready().await.unwrap();
            root.inject("a", fault).unwrap();
            actor.down(1).await;
            assert_eq!(actor.ready().await, Ok(2));
            assert_eq!(root.tree().actor("a").unwrap().restarts.iter().collect::<Vec<_>>(), [(cause, 1)]);
        });
    }
}

#[test]
fn a_fault_for_an_unknown_or_stopped_actor_is_an_error() {
    TestHarness::run(|harness| async move {
        let (actor, spec) = harness.actor("a");
        let root = harness.start(tree_of(spec));
        assert_eq!(root.inject("b", Fault::Stop), Err(InjectError::UnknownActor("b".to_owned())));
        assert_eq!(root.inject("a", Fault::Stop), Err(InjectError::UnknownActor("a".to_owned())));
        actor.ready().await.unwrap();
        assert_eq!(root.inject("a", Fault::Stop), Ok(()));
        actor.down(1).await;
        assert_eq!(root.inject("a", Fault::Stop), Err(InjectError::NotRunning("a".to_owned())));
    });
}

#[test]
fn a_failed_root_supervisor_is_restarted_with_all_its_children() {
    for fault in Fault::ALL {
        TestHarness::run(|harness| async move {
            let (actor, spec) = harness.actor("a");
            let root = harness.start(tree_of(spec));
            actor.ready().await.unwrap();
            root.inject("root", fault).unwrap();
            actor.down(1).await;
            assert_eq!(actor.ready().await, Ok(2));
            settle().await;
            assert!(root.tree().is_up());
            assert_eq!(harness.live_actors(), ["a"], "the first incarnation ended with its supervisor");
        });
    }
}
