//! Orderly ends.

use std::time::Duration;

use actix_supervisor::testing::{Misbehave, Misdeed, Note, Ping, Script, World};
use actix_supervisor::{
    ActorState, CallError, ChildSpec, Exit, ExitReason, Shutdown, StartChildError, StopChildError, Strategy,
    SupervisorSpec,
};
use tokio::time::Instant;

use super::{alone, incarnations, millis, settle};

#[test]
fn a_shutdown_stops_the_last_started_first_through_all_levels() {
    World::run(|world| async move {
        let (_, a) = world.actor("a");
        let (_, b) = world.actor("b");
        let (_, c) = world.actor("c");
        let (last, d) = world.actor("d");
        let nested = SupervisorSpec::new("nested", Strategy::OneForOne).child(b).child(c);
        let root = world.start(alone(a).child(ChildSpec::supervisor(nested)).child(d));
        last.ready().await.unwrap();
        world.journal().take();
        assert_eq!(root.shutdown(Duration::from_secs(10)).await, Exit::Shutdown);
        assert_eq!(root.exit().unwrap().code(), 0);
        let stopped: Vec<_> =
            world.journal().take().into_iter().filter(|line| line.ends_with("stopped")).collect();
        assert_eq!(stopped, ["d stopped", "c stopped", "b stopped", "a stopped"]);
        assert!(root.tree().actors.iter().all(|actor| actor.state == ActorState::Stopped));
    });
}

#[test]
fn an_orderly_stop_handles_what_was_accepted_then_drains() {
    World::run(|world| async move {
        let (actor, spec) = world.actor("a");
        let root = world.start(alone(spec));
        actor.ready().await.unwrap();
        actor.cast(Note("one".to_owned(), millis(10))).unwrap();
        actor.cast(Note("two".to_owned(), millis(10))).unwrap();
        root.shutdown(Duration::from_secs(1)).await;
        assert_eq!(world.journal().take(), ["a started", "a one", "a two", "a drained", "a stopped"]);
        assert_eq!(root.tree().actor("a").unwrap().lost_messages, 0);
    });
}

#[test]
fn a_stopping_actor_accepts_nothing_more() {
    World::run(|world| async move {
        let (actor, spec) = world.scripted("a", Script::default().draining(millis(100)));
        let root = world.start(alone(spec));
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
fn a_child_that_does_not_stop_in_time_is_killed() {
    World::run(|world| async move {
        let (actor, spec) = world.actor("a");
        let root = world.start(alone(spec.no_heartbeat().shutdown(Shutdown::Timeout(millis(300)))));
        actor.ready().await.unwrap();
        actor.cast(Misbehave(Misdeed::Wedge)).unwrap();
        let begun = Instant::now();
        assert_eq!(root.shutdown(Duration::from_secs(10)).await, Exit::Shutdown);
        assert_eq!(begun.elapsed(), millis(300));
        assert_eq!(root.tree().actor("a").unwrap().last_exit, Some(ExitReason::Killed));
    });
}

#[test]
fn a_brutal_shutdown_does_not_wait() {
    World::run(|world| async move {
        let (actor, spec) = world.actor("a");
        let root = world.start(alone(spec.shutdown(Shutdown::Brutal)));
        actor.ready().await.unwrap();
        actor.cast(Note("never".to_owned(), millis(500))).unwrap();
        actor.cast(Ping).unwrap();
        let begun = Instant::now();
        root.shutdown(Duration::from_secs(10)).await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
        assert_eq!(root.tree().actor("a").unwrap().last_exit, Some(ExitReason::Shutdown));
    });
}

#[test]
fn the_grace_bounds_the_shutdown_of_the_whole_tree() {
    World::run(|world| async move {
        let slow = || Script::default().draining(Duration::from_secs(60));
        let (_, one) = world.scripted("one", slow());
        let (last, two) = world.scripted("two", slow());
        let root =
            world.start(alone(one.shutdown(Shutdown::Infinity)).child(two.shutdown(Shutdown::Infinity)));
        last.ready().await.unwrap();
        let begun = Instant::now();
        assert_eq!(root.shutdown(Duration::from_secs(20)).await, Exit::Shutdown);
        assert_eq!(begun.elapsed(), Duration::from_secs(20));
    });
}

#[test]
fn a_second_shutdown_shortens_the_grace() {
    World::run(|world| async move {
        let (actor, spec) = world.scripted("a", Script::default().draining(Duration::from_secs(60)));
        let root = world.start(alone(spec.shutdown(Shutdown::Infinity)));
        actor.ready().await.unwrap();
        let begun = Instant::now();
        let patient = root.clone();
        tokio::task::spawn_local(async move { patient.shutdown(Duration::from_secs(50)).await });
        tokio::time::sleep(Duration::from_secs(1)).await;
        root.shutdown(Duration::from_secs(1)).await;
        assert_eq!(begun.elapsed(), Duration::from_secs(2));
    });
}

#[test]
fn a_tree_that_shuts_down_while_it_starts_ends() {
    World::run(|world| async move {
        let (_, never) = world.scripted("never", Script::births(|_| actix_supervisor::testing::Birth::Never));
        let (_, next) = world.actor("next");
        let root = world.start(alone(never).child(next));
        tokio::time::sleep(millis(10)).await;
        assert_eq!(root.shutdown(Duration::from_secs(1)).await, Exit::Shutdown);
        assert_eq!(root.tree().actor("next").unwrap().incarnation, 0);
    });
}

#[test]
fn a_child_that_is_waiting_for_its_restart_does_not_delay_a_shutdown() {
    use actix_supervisor::Backoff;
    World::run(|world| async move {
        let (actor, spec) = world.actor("a");
        let hour = Duration::from_secs(3600);
        let backoff = Backoff { base: hour, max: hour, jitter: 0.0, quiet: hour };
        let root = world.start(alone(spec.backoff(backoff)));
        actor.ready().await.unwrap();
        actor.cast(Misbehave(Misdeed::Stop)).unwrap();
        settle().await;
        assert_eq!(root.tree().actor("a").unwrap().state, ActorState::BackingOff);
        let begun = Instant::now();
        root.shutdown(Duration::from_secs(1)).await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
    });
}

#[test]
fn dynamic_children_come_live_and_go() {
    World::run(|world| async move {
        let (_, fixed) = world.actor("static");
        let root = world.start(alone(fixed));
        let supervisor = root.supervisor();
        supervisor.actor().ready().await.unwrap();
        let (actor, spec) = world.actor("dynamic");
        supervisor.start_child(spec.clone()).await.unwrap();
        assert_eq!(actor.ready().await, Ok(1));
        let duplicate = StartChildError::DuplicateId("dynamic".to_owned());
        assert_eq!(supervisor.start_child(spec.clone()).await, Err(duplicate));
        actor.cast(Misbehave(Misdeed::PanicInHandler)).unwrap();
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
    World::run(|world| async move {
        let root = world.start(SupervisorSpec::new("root", Strategy::OneForOne));
        root.supervisor().actor().ready().await.unwrap();
        for n in 0..10 {
            let (_, spec) = world.scripted(&format!("dynamic-{n}"), Script::default().draining(millis(100)));
            root.supervisor().start_child(spec).await.unwrap();
        }
        settle().await;
        let begun = Instant::now();
        root.shutdown(Duration::from_secs(10)).await;
        assert_eq!(begun.elapsed(), millis(100));
    });
}

#[test]
fn a_stopped_static_child_stays_in_the_tree_and_down() {
    World::run(|world| async move {
        let (_, a) = world.actor("a");
        let (_, b) = world.actor("b");
        let root = world.start(alone(a).child(b));
        root.supervisor().actor().ready().await.unwrap();
        root.supervisor().stop_child("a").await.unwrap();
        settle().await;
        assert_eq!(incarnations(&root, &["a", "b"]), [0, 1]);
        assert_eq!(root.tree().actor("a").unwrap().state, ActorState::Stopped);
    });
}

#[test]
fn dynamic_children_are_not_remembered_by_a_restarted_supervisor() {
    use actix_supervisor::Fault;
    World::run(|world| async move {
        let (_, fixed) = world.actor("static");
        let root = world.start(alone(fixed));
        let supervisor = root.supervisor();
        supervisor.actor().ready().await.unwrap();
        let (actor, spec) = world.actor("dynamic");
        supervisor.start_child(spec).await.unwrap();
        actor.ready().await.unwrap();
        root.inject("root", Fault::Panic).unwrap();
        settle().await;
        assert_eq!(incarnations(&root, &["root", "static"]), [2, 2]);
        assert_eq!(root.tree().actor("dynamic"), None);
        assert_eq!(actor.call(Ping).await, Err(CallError::Stopped));
    });
}
