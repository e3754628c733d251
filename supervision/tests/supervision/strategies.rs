//! Every cell of strategy × restart type × way to die.

use actix_supervisor::testing::{Misbehave, Misdeed, World};
use actix_supervisor::{
    ActorRef, ActorState, Heartbeat, Restart, RestartCause, Strategy, SupervisorSpec, testing::Scripted,
};

use super::{incarnations, millis, settle};

const STRATEGIES: [Strategy; 3] = [Strategy::OneForOne, Strategy::RestForOne, Strategy::OneForAll];
const RESTARTS: [Restart; 3] = [Restart::Permanent, Restart::Transient, Restart::Temporary];
/// A panic, an orderly stop, an error, a hang.
const DEATHS: [Misdeed; 4] = [Misdeed::PanicInHandler, Misdeed::Stop, Misdeed::GiveUp, Misdeed::Wedge];
const IDS: [&str; 3] = ["first", "middle", "last"];

async fn family(
    world: &World,
    spec: SupervisorSpec,
    restart: Restart,
) -> (SupervisorSpec, Vec<ActorRef<Scripted>>) {
    let mut actors = Vec::new();
    let mut spec = spec;
    for id in IDS {
        let (actor, child) = world.actor(id);
        let child = child.heartbeat(Heartbeat::new(millis(20), 3));
        spec = spec.child(if id == "middle" { child.restart(restart) } else { child });
        actors.push(actor);
    }
    (spec, actors)
}

/// The incarnations of the three children after the middle one died.
fn after_death(strategy: Strategy, restart: Restart, death: Misdeed) -> Vec<u64> {
    World::run(|world| async move {
        let (spec, actors) = family(&world, SupervisorSpec::new("root", strategy), restart).await;
        let root = world.start(spec);
        for actor in &actors {
            actor.ready().await.unwrap();
        }
        actors[1].cast(Misbehave(death)).unwrap();
        settle().await;
        assert_eq!(root.exit(), None);
        incarnations(&root, &IDS)
    })
}

#[test]
fn every_cell_of_strategy_restart_type_and_death_ends_as_otp_says() {
    for strategy in STRATEGIES {
        for restart in RESTARTS {
            for death in DEATHS {
                let revived = match restart {
                    Restart::Permanent => true,
                    Restart::Transient => death != Misdeed::Stop,
                    Restart::Temporary => false,
                };
                let expected = match (revived, strategy) {
                    (false, _) => [1, 0, 1],
                    (true, Strategy::OneForOne) => [1, 2, 1],
                    (true, Strategy::RestForOne) => [1, 2, 2],
                    (true, Strategy::OneForAll) => [2, 2, 2],
                };
                let cell = format!("{strategy:?} × {restart:?} × {death:?}");
                assert_eq!(after_death(strategy, restart, death), expected, "{cell}");
            }
        }
    }
}

#[test]
fn siblings_stop_in_reverse_order_and_start_in_order_after_a_death() {
    World::run(|world| async move {
        let (spec, actors) =
            family(&world, SupervisorSpec::new("root", Strategy::OneForAll), Restart::Permanent).await;
        let root = world.start(spec);
        for actor in &actors {
            actor.ready().await.unwrap();
        }
        world.journal().take();
        actors[1].cast(Misbehave(Misdeed::PanicInHandler)).unwrap();
        settle().await;
        let expected = [
            "middle stopped", // actix runs it while it unwinds
            "last drained",
            "last stopped",
            "first drained",
            "first stopped",
            "first started",
            "middle started",
            "last started",
        ];
        assert_eq!(world.journal().take(), expected);
        let causes = |id: &str| root.tree().actor(id).unwrap().restarts.iter().collect::<Vec<_>>();
        assert_eq!(causes("first"), [(RestartCause::Strategy, 1)]);
        assert_eq!(causes("middle"), [(RestartCause::Panic, 1)]);
        assert_eq!(causes("last"), [(RestartCause::Strategy, 1)]);
    });
}

#[test]
fn the_deaths_of_siblings_do_not_count_against_a_child() {
    use actix_supervisor::{Backoff, Intensity};
    use std::time::Duration;
    World::run(|world| async move {
        let (_, bystander) = world.actor("bystander");
        let (actor, faulty) = world.actor("faulty");
        let spec = SupervisorSpec::new("root", Strategy::OneForAll)
            .child(bystander.intensity(Intensity::never()))
            .child(faulty.backoff(Backoff::none()).intensity(Intensity::new(5, Duration::from_secs(60))));
        let root = world.start(spec);
        for incarnation in 1..=5 {
            assert_eq!(actor.ready().await, Ok(incarnation));
            actor.cast(Misbehave(Misdeed::PanicInHandler)).unwrap();
            actor.down(incarnation).await;
        }
        settle().await;
        assert_eq!(root.exit(), None);
        assert_eq!(incarnations(&root, &["bystander", "faulty"]), [6, 6]);
    });
}

#[test]
fn a_second_death_while_siblings_are_being_stopped_leads_to_one_restart_of_all() {
    World::run(|world| async move {
        let (first, one) = world.actor("first");
        let (second, two) = world.actor("second");
        let (_, slow) =
            world.scripted("slow", actix_supervisor::testing::Script::default().draining(millis(200)));
        let spec = SupervisorSpec::new("root", Strategy::RestForOne).child(one).child(two).child(slow);
        let root = world.start(spec);
        root.supervisor().actor().ready().await.unwrap();
        second.cast(Misbehave(Misdeed::PanicInHandler)).unwrap();
        tokio::time::sleep(millis(100)).await;
        first.cast(Misbehave(Misdeed::PanicInHandler)).unwrap();
        settle().await;
        assert_eq!(incarnations(&root, &["first", "second", "slow"]), [2, 2, 2]);
    });
}

#[test]
fn a_sibling_that_hangs_while_it_is_stopped_is_killed_and_the_restart_goes_on() {
    use actix_supervisor::Shutdown;
    World::run(|world| async move {
        let (first, one) = world.actor("first");
        let (second, two) = world.actor("second");
        let spec = SupervisorSpec::new("root", Strategy::OneForAll)
            .child(one)
            .child(two.no_heartbeat().shutdown(Shutdown::Timeout(millis(300))));
        let root = world.start(spec);
        second.ready().await.unwrap();
        second.cast(Misbehave(Misdeed::Wedge)).unwrap();
        first.cast(Misbehave(Misdeed::PanicInHandler)).unwrap();
        settle().await;
        assert_eq!(incarnations(&root, &["first", "second"]), [2, 2]);
        let tree = root.tree();
        let second = tree.actor("second").unwrap();
        assert_eq!(second.last_exit, Some(actix_supervisor::ExitReason::Killed));
    });
}

#[test]
fn a_child_that_dies_again_while_it_starts_is_started_again() {
    use actix_supervisor::testing::{Birth, Script};
    World::run(|world| async move {
        let script = Script::births(|n| if n == 2 || n == 3 { Birth::PanicsInStarted } else { Birth::Well });
        let (actor, faulty) = world.scripted("faulty", script);
        let (_, rest) = world.actor("rest");
        let spec = SupervisorSpec::new("root", Strategy::RestForOne).child(faulty).child(rest);
        let root = world.start(spec);
        root.supervisor().actor().ready().await.unwrap();
        actor.cast(Misbehave(Misdeed::PanicInHandler)).unwrap();
        settle().await;
        assert_eq!(incarnations(&root, &["faulty", "rest"]), [4, 2]);
    });
}

#[test]
fn a_child_that_ended_for_good_does_not_come_back_with_its_siblings() {
    World::run(|world| async move {
        let (first, one) = world.actor("first");
        let (second, two) = world.actor("second");
        let spec = SupervisorSpec::new("root", Strategy::OneForAll)
            .child(one)
            .child(two.restart(Restart::Transient));
        let root = world.start(spec);
        second.ready().await.unwrap();
        second.cast(Misbehave(Misdeed::Stop)).unwrap();
        second.down(1).await;
        first.cast(Misbehave(Misdeed::PanicInHandler)).unwrap();
        settle().await;
        assert_eq!(incarnations(&root, &["first", "second"]), [2, 0]);
        assert_eq!(root.tree().actor("second").unwrap().state, ActorState::Stopped);
    });
}

#[test]
fn a_supervisor_that_dies_and_returns_at_once_waits_for_its_children_to_be_gone() {
    use actix_supervisor::{Backoff, ChildSpec, Fault};
    World::run(|world| async move {
        let (worker, spec) = world.actor("worker");
        let nested = SupervisorSpec::new("nested", Strategy::OneForOne).child(spec);
        let child = ChildSpec::supervisor(nested).backoff(Backoff::none());
        let root = world.start(SupervisorSpec::new("root", Strategy::OneForOne).child(child));
        for incarnation in 1..=10 {
            assert_eq!(worker.ready().await, Ok(incarnation));
            root.supervisor().actor().ready().await.unwrap();
            settle().await;
            root.inject("nested", Fault::Panic).unwrap();
            worker.down(incarnation).await;
        }
        assert_eq!(worker.ready().await, Ok(11));
    });
}
