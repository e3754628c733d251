//! Every way to die, and how the supervisor names it.

use actix_supervisor::testing::{Misbehave, Misdeed, Ping, World};
use actix_supervisor::{ExitReason, Fault, InjectError, RestartCause};

use super::{alone, settle};

/// Breaks an actor and gives how its first incarnation ended; asserts that the second is up.
fn death_by(misdeed: Misdeed) -> ExitReason {
    World::run(|world| async move {
        let (actor, spec) = world.actor("a");
        let root = world.start(alone(spec));
        actor.ready().await.unwrap();
        actor.cast(Misbehave(misdeed)).unwrap();
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
    assert_eq!(death_by(Misdeed::PanicInHandler), panicked("scripted panic in a handler"));
}

#[test]
fn a_panic_in_a_timer_is_a_panic() {
    assert_eq!(death_by(Misdeed::PanicInTimer), panicked("scripted panic in a timer"));
}

#[test]
fn a_panic_in_a_spawned_future_is_a_panic() {
    assert_eq!(death_by(Misdeed::PanicInSpawned), panicked("scripted panic in a spawned future"));
}

#[test]
fn a_panic_in_an_actor_response_is_a_panic() {
    assert_eq!(death_by(Misdeed::PanicInActFuture), panicked("scripted panic in a response"));
}

#[test]
fn an_actor_that_stops_itself_ended_normally() {
    assert_eq!(death_by(Misdeed::Stop), ExitReason::Normal);
    assert_eq!(death_by(Misdeed::Terminate), ExitReason::Normal);
}

#[test]
fn an_actor_that_gives_up_failed() {
    assert_eq!(death_by(Misdeed::GiveUp), ExitReason::Failed { message: "scripted failure".to_owned() });
}

#[test]
fn a_wedged_actor_hung() {
    assert_eq!(death_by(Misdeed::Wedge), ExitReason::Hung { silent_ms: 6000 });
}

#[test]
fn every_injected_fault_kills_and_is_counted_by_its_cause() {
    let causes = [RestartCause::Panic, RestartCause::Hung, RestartCause::Stopped];
    for (fault, cause) in Fault::ALL.into_iter().zip(causes) {
        World::run(|world| async move {
            let (actor, spec) = world.actor("a");
            let root = world.start(alone(spec));
            actor.ready().await.unwrap();
            root.inject("a", fault).unwrap();
            actor.down(1).await;
            assert_eq!(actor.ready().await, Ok(2));
            assert_eq!(root.tree().actor("a").unwrap().restarts.iter().collect::<Vec<_>>(), [(cause, 1)]);
        });
    }
}

#[test]
fn a_fault_for_nobody_is_an_error() {
    World::run(|world| async move {
        let (actor, spec) = world.actor("a");
        let root = world.start(alone(spec));
        assert_eq!(root.inject("b", Fault::Stop), Err(InjectError::UnknownActor("b".to_owned())));
        assert_eq!(root.inject("a", Fault::Stop), Err(InjectError::UnknownActor("a".to_owned())));
        actor.ready().await.unwrap();
        assert_eq!(root.inject("a", Fault::Stop), Ok(()));
        actor.down(1).await;
        assert_eq!(root.inject("a", Fault::Stop), Err(InjectError::NotRunning("a".to_owned())));
    });
}

#[test]
fn a_broken_root_supervisor_is_restarted_with_all_its_children() {
    for fault in Fault::ALL {
        World::run(|world| async move {
            let (actor, spec) = world.actor("a");
            let root = world.start(alone(spec));
            actor.ready().await.unwrap();
            root.inject("root", fault).unwrap();
            actor.down(1).await;
            assert_eq!(actor.ready().await, Ok(2));
            settle().await;
            assert!(root.tree().is_up());
            assert_eq!(world.alive(), ["a"], "the first incarnation died with its supervisor");
        });
    }
}
