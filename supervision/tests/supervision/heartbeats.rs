//! Actors that live but do not work.

use std::time::Duration;

use actix_supervisor::testing::{Misbehave, Misdeed, Ping, World};
use actix_supervisor::{CallError, ExitReason, Heartbeat};

use super::{alone, millis};

#[test]
fn a_silent_actor_is_restarted_after_its_limit_and_one_interval_of_grace() {
    World::run(|world| async move {
        let (actor, spec) = world.actor("a");
        let root = world.start(alone(spec.heartbeat(Heartbeat::new(millis(100), 3))));
        actor.ready().await.unwrap();
        assert_eq!(actor.call(Misbehave(Misdeed::Wedge)).await, Err(CallError::Died));
        assert_eq!(actor.ready().await, Ok(2));
        let last_exit = root.tree().actor("a").unwrap().last_exit.clone();
        assert_eq!(last_exit, Some(ExitReason::Hung { silent_ms: 400 }));
    });
}

#[test]
fn an_actor_that_is_slow_within_its_limit_lives_on() {
    World::run(|world| async move {
        let (actor, spec) = world.actor("a");
        world.start(alone(spec.heartbeat(Heartbeat::new(millis(100), 3))));
        actor.ready().await.unwrap();
        actor.cast(Misbehave(Misdeed::WaitFor(millis(250)))).unwrap();
        assert_eq!(actor.call(Ping).await, Ok(1));
    });
}

#[test]
fn an_actor_without_heartbeat_may_be_silent_for_ever() {
    World::run(|world| async move {
        let (actor, spec) = world.actor("a");
        world.start(alone(spec.no_heartbeat()));
        actor.ready().await.unwrap();
        actor.cast(Misbehave(Misdeed::WaitFor(Duration::from_secs(3600)))).unwrap();
        assert_eq!(actor.call_within(Ping, Duration::from_secs(4000)).await, Ok(1));
    });
}

#[test]
fn an_idle_actor_beats() {
    World::run(|world| async move {
        let (actor, spec) = world.actor("a");
        let root = world.start(alone(spec));
        actor.ready().await.unwrap();
        tokio::time::sleep(Duration::from_secs(3600)).await;
        let snapshot = root.tree().actor("a").cloned().unwrap();
        assert_eq!(snapshot.incarnation, 1);
        assert!(snapshot.heartbeat_age_seconds.unwrap() <= 1.0, "{snapshot:?}");
        assert!(snapshot.uptime_seconds.unwrap() >= 3600.0, "{snapshot:?}");
    });
}
