//! Messages: delivery, replies and errors.

use std::time::Duration;

use actix_supervisor::testing::{
    FailureMode, PanicInPlainFuture, Ping, ScriptedActor, TestHarness, Trigger, WriteLine,
};
use actix_supervisor::{
    ActorRef, CallError, CastError, Restart, RestartCause, RootHandle, Shutdown, Stopped,
};
use tokio::time::Instant;

use super::{millis, tree_of};

fn write_line(line: &str, pause: u64) -> WriteLine {
    WriteLine(line.to_owned(), millis(pause))
}

#[test]
fn addresses_calls_and_root_handles_can_be_sent_to_other_threads() {
    fn is_send<T: Send>(_: &T) {}
    fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<ActorRef<ScriptedActor>>();
    is_send_and_sync::<RootHandle>();
    let actor = ActorRef::<ScriptedActor>::new("a");
    is_send(&actor.call(Ping));
    is_send(&actor.call_persistently(Ping, millis(1)));
    is_send(&actor.cast_within(Ping, millis(1)));
    is_send(&actor.ready());
}

#[test]
fn a_call_gets_the_reply_of_the_running_incarnation() {
    TestHarness::run(|harness| async move {
        let (actor, spec) = harness.actor("a");
        let root = harness.start(tree_of(spec));
        assert_eq!(actor.ready().await, Ok(1));
        assert_eq!(actor.call(Ping).await, Ok(1));
        assert!(root.tree().is_up());
    });
}

#[test]
fn a_message_before_the_first_start_is_rejected() {
    TestHarness::run(|harness| async move {
        let (actor, _) = harness.actor("a");
        assert_eq!(actor.call(Ping).await, Err(CallError::Restarting));
        assert_eq!(actor.cast(Ping), Err(CastError::Restarting));
    });
}

#[test]
fn a_call_fails_with_died_when_its_incarnation_dies_and_the_next_call_reaches_the_successor() {
    TestHarness::run(|harness| async move {
        let (actor, spec) = harness.actor("a");
        let root = harness.start(tree_of(spec));
        actor.ready().await.unwrap();
        assert_eq!(actor.call(Trigger(FailureMode::PanicInHandler)).await, Err(CallError::Died));
        assert_eq!(actor.call(Ping).await, Err(CallError::Restarting));
        assert_eq!(actor.ready().await, Ok(2));
        assert_eq!(actor.call(Ping).await, Ok(2));
        assert_eq!(root.tree().actor("a").unwrap().restarts.get(RestartCause::Panic), 1);
    });
}

#[test]
fn a_call_to_an_actor_that_stopped_for_good_fails_with_stopped() {
    TestHarness::run(|harness| async move {
        let (actor, spec) = harness.actor("a");
        harness.start(tree_of(spec.restart(Restart::Temporary)));
        actor.ready().await.unwrap();
        assert_eq!(actor.call(Trigger(FailureMode::Stop)).await, Err(CallError::Died));
        assert_eq!(actor.ready().await, Err(Stopped));
        assert_eq!(actor.call(Ping).await, Err(CallError::Stopped));
        assert_eq!(actor.cast(Ping), Err(CastError::Stopped));
    });
}

#[test]
fn a_call_times_out_at_its_limit() {
    TestHarness::run(|harness| async move {
        let (actor, spec) = harness.actor("a");
        harness.start(tree_of(spec));
        actor.ready().await.unwrap();
        let started = Instant::now();
        assert_eq!(actor.call_within(write_line("slow", 500), millis(100)).await, Err(CallError::TimedOut));
        assert_eq!(started.elapsed(), millis(100));
    });
}

#[test]
fn a_caller_that_stops_waiting_withdraws_its_message() {
    TestHarness::run(|harness| async move {
        let (actor, spec) = harness.actor("a");
        harness.start(tree_of(spec));
        actor.ready().await.unwrap();
        actor.cast(write_line("first", 100)).unwrap();
        assert_eq!(actor.call_within(write_line("given up", 0), millis(50)).await, Err(CallError::TimedOut));
        actor.call(write_line("last", 0)).await.unwrap();
        assert_eq!(harness.journal().take(), ["a started", "a first", "a last"]);
    });
}

#[test]
fn a_full_mailbox_rejects_a_cast_at_once_and_a_call_at_its_deadline() {
    TestHarness::run(|harness| async move {
        let (actor, spec) = harness.actor("a");
        let root = harness.start(tree_of(spec.mailbox(2)));
        actor.ready().await.unwrap();
        actor.cast(write_line("handled", 1000)).unwrap();
        tokio::task::yield_now().await;
        actor.cast(write_line("waits", 0)).unwrap();
        actor.clone().cast(write_line("waits too", 0)).unwrap();
        assert_eq!(actor.cast(write_line("refused", 0)), Err(CastError::Full));
        assert_eq!(actor.call_within(Ping, millis(100)).await, Err(CallError::Full));
        assert_eq!(actor.mailbox_depth(), 2);
        assert_eq!(root.tree().actor("a").unwrap().mailbox_depth, 2);
        assert_eq!(actor.call(Ping).await, Ok(1), "a call waits for a free slot");
    });
}

#[test]
fn messages_of_one_sender_are_handled_in_order() {
    TestHarness::run(|harness| async move {
        let (actor, spec) = harness.actor("a");
        harness.start(tree_of(spec));
        actor.ready().await.unwrap();
        for line in ["1", "2", "3"] {
            actor.cast(write_line(line, 10)).unwrap();
        }
        actor.call(write_line("4", 0)).await.unwrap();
        assert_eq!(harness.journal().take(), ["a started", "a 1", "a 2", "a 3", "a 4"]);
    });
}

#[test]
fn accepted_messages_that_are_lost_with_their_incarnation_are_counted() {
    TestHarness::run(|harness| async move {
        let (actor, spec) = harness.actor("a");
        let root = harness.start(tree_of(spec));
        actor.ready().await.unwrap();
        actor.cast(Trigger(FailureMode::PanicInHandler)).unwrap();
        actor.cast(Ping).unwrap();
        actor.cast(Ping).unwrap();
        actor.down(1).await;
        assert_eq!(root.tree().actor("a").unwrap().lost_messages, 3, "the one being handled and two waiting");
    });
}

#[test]
fn a_panic_in_a_plain_response_future_fails_the_call_but_not_the_actor() {
    TestHarness::run(|harness| async move {
        let (actor, spec) = harness.actor("a");
        harness.start(tree_of(spec));
        actor.ready().await.unwrap();
        assert_eq!(actor.call(PanicInPlainFuture).await, Err(CallError::Died));
        assert_eq!(actor.call(Ping).await, Ok(1));
    });
}

#[test]
fn a_persistent_call_survives_the_death_of_its_incarnation() {
    TestHarness::run(|harness| async move {
        let (actor, spec) = harness.actor("a");
        harness.start(tree_of(spec));
        actor.ready().await.unwrap();
        actor.cast(Trigger(FailureMode::PanicInHandler)).unwrap();
        assert_eq!(actor.call_persistently(Ping, Duration::from_secs(1)).await, Ok(2));
    });
}

#[test]
fn a_persistent_call_ends_at_its_limit() {
    TestHarness::run(|harness| async move {
        let (actor, _) = harness.actor("a");
        let started = Instant::now();
        assert_eq!(actor.call_persistently(Ping, millis(70)).await, Err(CallError::TimedOut));
        assert_eq!(started.elapsed(), millis(70));
    });
}

#[test]
fn cast_within_waits_for_the_first_incarnation() {
    TestHarness::run(|harness| async move {
        let (actor, spec) = harness.actor("a");
        let early = actor.clone();
        let cast =
            tokio::task::spawn_local(
                async move { early.cast_within(write_line("early", 0), millis(100)).await },
            );
        tokio::task::yield_now().await;
        harness.start(tree_of(spec));
        assert_eq!(cast.await.unwrap(), Ok(()));
        actor.call(Ping).await.unwrap();
        assert_eq!(harness.journal().take(), ["a started", "a early"]);
    });
}

#[test]
fn cast_within_returns_what_kept_the_message_out() {
    TestHarness::run(|harness| async move {
        let (actor, spec) = harness.actor("a");
        assert_eq!(actor.cast_within(Ping, millis(10)).await, Err(CastError::Restarting));
        harness.start(tree_of(spec.mailbox(1).shutdown(Shutdown::Brutal)));
        actor.ready().await.unwrap();
        actor.call_within(Trigger(FailureMode::Pause(millis(500))), millis(1)).await.unwrap_err();
        actor.cast(Ping).unwrap();
        assert_eq!(actor.cast_within(Ping, millis(10)).await, Err(CastError::Full));
    });
}
