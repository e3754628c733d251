//! Messages: what arrives, what comes back, what is refused.

use std::time::Duration;

use actix_supervisor::testing::{Misbehave, Misdeed, Note, PanicUnseen, Ping, Scripted, World};
use actix_supervisor::{
    ActorRef, CallError, CastError, Restart, RestartCause, RootHandle, Shutdown, Stopped,
};
use tokio::time::Instant;

use super::{alone, millis};

fn note(line: &str, pause: u64) -> Note {
    Note(line.to_owned(), millis(pause))
}

#[test]
fn addresses_calls_and_roots_may_cross_threads() {
    fn crosses_threads<T: Send>(_: &T) {}
    fn is_shared<T: Send + Sync>() {}
    is_shared::<ActorRef<Scripted>>();
    is_shared::<RootHandle>();
    let actor = ActorRef::<Scripted>::new("a");
    crosses_threads(&actor.call(Ping));
    crosses_threads(&actor.call_persistently(Ping, millis(1)));
    crosses_threads(&actor.cast_within(Ping, millis(1)));
    crosses_threads(&actor.ready());
}

#[test]
fn a_call_gets_the_answer_of_the_living_incarnation() {
    World::run(|world| async move {
        let (actor, spec) = world.actor("a");
        let root = world.start(alone(spec));
        assert_eq!(actor.ready().await, Ok(1));
        assert_eq!(actor.call(Ping).await, Ok(1));
        assert!(root.tree().is_up());
    });
}

#[test]
fn a_call_before_the_first_start_is_refused() {
    World::run(|world| async move {
        let (actor, _) = world.actor("a");
        assert_eq!(actor.call(Ping).await, Err(CallError::Restarting));
        assert_eq!(actor.cast(Ping), Err(CastError::Restarting));
    });
}

#[test]
fn a_call_whose_incarnation_dies_says_so_and_the_next_reaches_its_successor() {
    World::run(|world| async move {
        let (actor, spec) = world.actor("a");
        let root = world.start(alone(spec));
        actor.ready().await.unwrap();
        assert_eq!(actor.call(Misbehave(Misdeed::PanicInHandler)).await, Err(CallError::Died));
        assert_eq!(actor.call(Ping).await, Err(CallError::Restarting));
        assert_eq!(actor.ready().await, Ok(2));
        assert_eq!(actor.call(Ping).await, Ok(2));
        assert_eq!(root.tree().actor("a").unwrap().restarts.get(RestartCause::Panic), 1);
    });
}

#[test]
fn a_call_to_an_actor_that_ended_for_good_says_so() {
    World::run(|world| async move {
        let (actor, spec) = world.actor("a");
        world.start(alone(spec.restart(Restart::Temporary)));
        actor.ready().await.unwrap();
        assert_eq!(actor.call(Misbehave(Misdeed::Stop)).await, Err(CallError::Died));
        assert_eq!(actor.ready().await, Err(Stopped));
        assert_eq!(actor.call(Ping).await, Err(CallError::Stopped));
        assert_eq!(actor.cast(Ping), Err(CastError::Stopped));
    });
}

#[test]
fn a_call_times_out_at_its_limit() {
    World::run(|world| async move {
        let (actor, spec) = world.actor("a");
        world.start(alone(spec));
        actor.ready().await.unwrap();
        let begun = Instant::now();
        assert_eq!(actor.call_within(note("slow", 500), millis(100)).await, Err(CallError::TimedOut));
        assert_eq!(begun.elapsed(), millis(100));
    });
}

#[test]
fn a_caller_that_stops_waiting_takes_its_message_back() {
    World::run(|world| async move {
        let (actor, spec) = world.actor("a");
        world.start(alone(spec));
        actor.ready().await.unwrap();
        actor.cast(note("first", 100)).unwrap();
        assert_eq!(actor.call_within(note("given up", 0), millis(50)).await, Err(CallError::TimedOut));
        actor.call(note("last", 0)).await.unwrap();
        assert_eq!(world.journal().take(), ["a started", "a first", "a last"]);
    });
}

#[test]
fn a_full_mailbox_refuses_a_cast_at_once_and_a_call_at_its_deadline() {
    World::run(|world| async move {
        let (actor, spec) = world.actor("a");
        let root = world.start(alone(spec.mailbox(2)));
        actor.ready().await.unwrap();
        actor.cast(note("handled", 1000)).unwrap();
        tokio::task::yield_now().await;
        actor.cast(note("waits", 0)).unwrap();
        actor.clone().cast(note("waits too", 0)).unwrap();
        assert_eq!(actor.cast(note("refused", 0)), Err(CastError::Full));
        assert_eq!(actor.call_within(Ping, millis(100)).await, Err(CallError::Full));
        assert_eq!(actor.mailbox_depth(), 2);
        assert_eq!(root.tree().actor("a").unwrap().mailbox_depth, 2);
        assert_eq!(actor.call(Ping).await, Ok(1), "a call waits for a free slot");
    });
}

#[test]
fn messages_of_one_sender_are_handled_in_order() {
    World::run(|world| async move {
        let (actor, spec) = world.actor("a");
        world.start(alone(spec));
        actor.ready().await.unwrap();
        for line in ["1", "2", "3"] {
            actor.cast(note(line, 10)).unwrap();
        }
        actor.call(note("4", 0)).await.unwrap();
        assert_eq!(world.journal().take(), ["a started", "a 1", "a 2", "a 3", "a 4"]);
    });
}

#[test]
fn accepted_messages_that_die_with_their_incarnation_are_counted() {
    World::run(|world| async move {
        let (actor, spec) = world.actor("a");
        let root = world.start(alone(spec));
        actor.ready().await.unwrap();
        actor.cast(Misbehave(Misdeed::PanicInHandler)).unwrap();
        actor.cast(Ping).unwrap();
        actor.cast(Ping).unwrap();
        actor.down(1).await;
        assert_eq!(root.tree().actor("a").unwrap().lost_messages, 3, "the one being handled and two waiting");
    });
}

#[test]
fn a_plain_response_future_that_panics_fails_its_call_and_spares_the_actor() {
    World::run(|world| async move {
        let (actor, spec) = world.actor("a");
        world.start(alone(spec));
        actor.ready().await.unwrap();
        assert_eq!(actor.call(PanicUnseen).await, Err(CallError::Died));
        assert_eq!(actor.call(Ping).await, Ok(1));
    });
}

#[test]
fn a_persistent_call_survives_the_death_of_its_incarnation() {
    World::run(|world| async move {
        let (actor, spec) = world.actor("a");
        world.start(alone(spec));
        actor.ready().await.unwrap();
        actor.cast(Misbehave(Misdeed::PanicInHandler)).unwrap();
        assert_eq!(actor.call_persistently(Ping, Duration::from_secs(1)).await, Ok(2));
    });
}

#[test]
fn a_persistent_call_ends_at_its_limit() {
    World::run(|world| async move {
        let (actor, _) = world.actor("a");
        let begun = Instant::now();
        assert_eq!(actor.call_persistently(Ping, millis(70)).await, Err(CallError::TimedOut));
        assert_eq!(begun.elapsed(), millis(70));
    });
}

#[test]
fn a_patient_cast_waits_for_the_first_incarnation() {
    World::run(|world| async move {
        let (actor, spec) = world.actor("a");
        let early = actor.clone();
        let cast =
            tokio::task::spawn_local(async move { early.cast_within(note("early", 0), millis(100)).await });
        tokio::task::yield_now().await;
        world.start(alone(spec));
        assert_eq!(cast.await.unwrap(), Ok(()));
        actor.call(Ping).await.unwrap();
        assert_eq!(world.journal().take(), ["a started", "a early"]);
    });
}

#[test]
fn a_patient_cast_says_what_kept_it_out() {
    World::run(|world| async move {
        let (actor, spec) = world.actor("a");
        assert_eq!(actor.cast_within(Ping, millis(10)).await, Err(CastError::Restarting));
        world.start(alone(spec.mailbox(1).shutdown(Shutdown::Brutal)));
        actor.ready().await.unwrap();
        actor.call_within(Misbehave(Misdeed::WaitFor(millis(500))), millis(1)).await.unwrap_err();
        actor.cast(Ping).unwrap();
        assert_eq!(actor.cast_within(Ping, millis(10)).await, Err(CastError::Full));
    });
}
