//! Coming to life, or failing to.

use std::time::Duration;

use actix_supervisor::testing::{Birth, Misbehave, Misdeed, Ping, Script, World};
use actix_supervisor::{
    ActorState, CallError, Exit, ExitReason, Intensity, Restart, RestartCause, Strategy, SupervisorSpec,
    start_root,
};
use tokio::time::Instant;

use super::{alone, incarnations, millis, settle};

/// How the first incarnation of an actor that is born so ended; asserts that the second is up.
fn stillbirth(birth: Birth) -> ExitReason {
    World::run(|world| async move {
        let script = Script::births(move |n| if n == 1 { birth.clone() } else { Birth::Well });
        let (actor, spec) = world.scripted("a", script);
        let root = world.start(alone(spec.start_timeout(millis(300))));
        assert_eq!(actor.ready().await, Ok(2));
        root.tree().actor("a").unwrap().last_exit.clone().unwrap()
    })
}

#[test]
fn an_actor_that_does_not_come_to_life_is_started_again() {
    let failed = |message: &str| ExitReason::StartFailed { message: message.to_owned() };
    let panicked = |message: &str| ExitReason::Panicked { message: message.to_owned() };
    assert_eq!(stillbirth(Birth::PanicsInFactory), panicked("scripted panic in the factory"));
    assert_eq!(stillbirth(Birth::PanicsInStarted), panicked("scripted panic in started"));
    assert_eq!(stillbirth(Birth::StopsInStarted), failed("stopped before it was ready"));
    assert_eq!(stillbirth(Birth::Fails), failed("scripted failure"));
    assert_eq!(stillbirth(Birth::Never), ExitReason::StartTimedOut);
}

#[test]
fn an_actor_that_always_stops_in_started_escalates_instead_of_spinning() {
    World::run(|world| async move {
        let (_, spec) = world.scripted("a", Script::births(|_| Birth::StopsInStarted));
        let root = world.start(alone(spec));
        let message = "stopped before it was ready".to_owned();
        let reason = ExitReason::StartFailed { message };
        assert_eq!(root.wait().await, Exit::Escalated { child: "a".into(), reason });
        assert_eq!(root.tree().actor("a").unwrap().restarts.get(RestartCause::StartFailed), 20);
    });
}

#[test]
fn an_actor_gets_no_message_before_it_is_ready() {
    World::run(|world| async move {
        let (actor, spec) = world.scripted("a", Script::births(|_| Birth::After(millis(200))));
        let root = world.start(alone(spec));
        tokio::time::sleep(millis(100)).await;
        assert_eq!(actor.call(Ping).await, Err(CallError::Restarting));
        assert_eq!(root.tree().actor("a").unwrap().state, ActorState::Starting);
        assert_eq!(actor.ready().await, Ok(1));
    });
}

#[test]
fn children_start_in_order_each_after_the_one_before_is_ready() {
    for strategy in [Strategy::OneForOne, Strategy::RestForOne, Strategy::OneForAll] {
        World::run(|world| async move {
            let (_, slow) = world.scripted("slow", Script::births(|_| Birth::After(millis(200))));
            let (last, quick) = world.actor("quick");
            let begun = Instant::now();
            let root = world.start(SupervisorSpec::new("root", strategy).child(slow).child(quick));
            last.ready().await.unwrap();
            assert!(begun.elapsed() >= millis(200));
            assert_eq!(world.journal().take(), ["slow started", "quick started"]);
            root.supervisor().actor().ready().await.unwrap();
        });
    }
}

#[test]
fn a_nested_supervisor_is_ready_when_its_children_are() {
    World::run(|world| async move {
        let (_, slow) = world.scripted("slow", Script::births(|_| Birth::After(millis(200))));
        let (last, quick) = world.actor("quick");
        let nested = SupervisorSpec::new("nested", Strategy::OneForOne).child(slow);
        let spec = SupervisorSpec::new("root", Strategy::OneForOne)
            .child(actix_supervisor::ChildSpec::supervisor(nested))
            .child(quick);
        world.start(spec);
        let begun = Instant::now();
        last.ready().await.unwrap();
        assert!(begun.elapsed() >= millis(200));
    });
}

#[test]
fn a_child_that_fails_while_its_supervisor_boots_holds_back_its_successors_only_until_it_is_up() {
    World::run(|world| async move {
        let script = Script::births(|n| if n < 4 { Birth::PanicsInStarted } else { Birth::Well });
        let (_, flaky) = world.scripted("flaky", script);
        let (last, spec) = world.actor("last");
        let root = world.start(alone(flaky).child(spec));
        assert_eq!(last.ready().await, Ok(1));
        assert_eq!(incarnations(&root, &["flaky", "last"]), [4, 1]);
    });
}

#[test]
fn a_temporary_child_that_fails_to_start_is_left_out() {
    World::run(|world| async move {
        let (_, spec) = world.scripted("a", Script::births(|_| Birth::Fails));
        let (last, next) = world.actor("b");
        let root = world.start(alone(spec.restart(Restart::Temporary)).child(next));
        assert_eq!(last.ready().await, Ok(1));
        assert_eq!(root.tree().actor("a").unwrap().state, ActorState::Failed);
    });
}

#[test]
fn the_delay_of_a_restart_grows_and_is_forgotten_after_a_quiet_period() {
    use actix_supervisor::Backoff;
    World::run(|world| async move {
        let (actor, spec) = world.actor("a");
        let backoff =
            Backoff { base: millis(10), max: millis(1000), jitter: 0.0, quiet: Duration::from_secs(5) };
        world.start(alone(spec.backoff(backoff)));
        let mut delays = Vec::new();
        for pause in [0, 0, 0, 6] {
            let incarnation = actor.ready().await.unwrap();
            tokio::time::sleep(Duration::from_secs(pause)).await;
            actor.call(Misbehave(Misdeed::PanicInHandler)).await.unwrap_err();
            actor.down(incarnation).await;
            let died = Instant::now();
            actor.ready().await.unwrap();
            delays.push(died.elapsed().as_millis());
        }
        assert_eq!(delays, [10, 20, 40, 10]);
    });
}

#[test]
fn two_actors_of_one_name_do_not_make_a_tree() {
    World::run(|world| async move {
        let (_, first) = world.actor("a");
        let (_, second) = world.actor("a");
        let nested = SupervisorSpec::new("nested", Strategy::OneForOne).child(second);
        let child = actix_supervisor::ChildSpec::supervisor(nested);
        let error = start_root(alone(first).child(child)).unwrap_err();
        assert_eq!(error.to_string(), "two actors of the tree are called a");
    });
}

#[test]
fn exactly_the_tolerated_number_of_restarts_is_tolerated() {
    World::run(|world| async move {
        let script = Script::births(|n| if n <= 3 { Birth::PanicsInStarted } else { Birth::Well });
        let (actor, spec) = world.scripted("a", script);
        let root = world.start(alone(spec.intensity(Intensity::new(3, Duration::from_secs(10)))));
        assert_eq!(actor.ready().await, Ok(4));
        settle().await;
        assert_eq!(root.exit(), None);
        actor.cast(Misbehave(Misdeed::Stop)).unwrap();
        assert_eq!(root.wait().await, Exit::Escalated { child: "a".into(), reason: ExitReason::Normal });
    });
}
