//! Every combination of strategy, restart type and failure.

use actix_supervisor::testing::{FailureMode, TestHarness, Trigger};
use actix_supervisor::{
    ActorRef, ActorState, Heartbeat, Restart, RestartCause, Strategy, SupervisorSpec, testing::ScriptedActor,
};

use super::{incarnations, millis, settle};

const STRATEGIES: [Strategy; 3] = [Strategy::OneForOne, Strategy::RestForOne, Strategy::OneForAll];
const RESTARTS: [Restart; 3] = [Restart::Permanent, Restart::Transient, Restart::Temporary];
/// A panic, an orderly stop, an error, a hang.
const FAILURES: [FailureMode; 4] =
    [FailureMode::PanicInHandler, FailureMode::Stop, FailureMode::Fail, FailureMode::Hang];
const IDS: [&str; 3] = ["first", "middle", "last"];

async fn three_children(
    harness: &TestHarness,
    spec: SupervisorSpec,
    restart: Restart,
) -> (SupervisorSpec, Vec<ActorRef<ScriptedActor>>) {
    let mut actors = Vec::new();
    let mut spec = spec;
    for id in IDS {
        let (actor, child) = harness.actor(id);
        let child = child.heartbeat(Heartbeat::new(millis(20), 3));
        spec = spec.child(if id == "middle" { child.restart(restart) } else { child });
        actors.push(actor);
    }
    (spec, actors)
}

/// The incarnations of the three children after the middle one has failed.
fn incarnations_after(strategy: Strategy, restart: Restart, failure: FailureMode) -> Vec<u64> {
    TestHarness::run(|harness| async move {
        let (spec, actors) = three_children(&harness, SupervisorSpec::new("root", strategy), restart).await;
        let root = harness.start(spec);
        for actor in &actors {
            actor.ready().await.unwrap();
        }
        actors[1].cast(Trigger(failure)).unwrap();
        settle().await;
        assert_eq!(root.exit(), None);
        incarnations(&root, &IDS)
    })
}

#[test]
fn every_combination_of_strategy_restart_type_and_failure_behaves_as_in_otp() {
    for strategy in STRATEGIES {
        for restart in RESTARTS {
            for failure in FAILURES {
                let restarted = match restart {
                    Restart::Permanent => true,
                    Restart::Transient => failure != FailureMode::Stop,
                    _ => false,
                };
                let expected = match (restarted, strategy) {
                    (false, _) => [1, 0, 1],
                    (true, Strategy::OneForOne) => [1, 2, 1],
                    (true, Strategy::RestForOne) => [1, 2, 2],
                    (true, _) => [2, 2, 2],
                };
                let combination = format!("{strategy:?} × {restart:?} × {failure:?}");
                assert_eq!(incarnations_after(strategy, restart, failure), expected, "{combination}");
            }
        }
    }
}

#[test]
fn siblings_stop_in_reverse_order_and_start_in_order_after_a_failure() {
    TestHarness::run(|harness| async move {
        let (spec, actors) =
            three_children(&harness, SupervisorSpec::new("root", Strategy::OneForAll), Restart::Permanent)
                .await;
        let root = harness.start(spec);
        for actor in &actors {
            actor.ready().await.unwrap();
        }
        harness.journal().take();
        actors[1].cast(Trigger(FailureMode::PanicInHandler)).unwrap();
        settle().await;
        let expected = [
            "middle stopped", // actix runs `stopped()` while it unwinds
            "last drained",
            "last stopped",
            "first drained",
            "first stopped",
            "first started",
            "middle started",
            "last started",
        ];
        assert_eq!(harness.journal().take(), expected);
        let causes = |id: &str| root.tree().actor(id).unwrap().restarts.iter().collect::<Vec<_>>();
        assert_eq!(causes("first"), [(RestartCause::Strategy, 1)]);
        assert_eq!(causes("middle"), [(RestartCause::Panic, 1)]);
        assert_eq!(causes("last"), [(RestartCause::Strategy, 1)]);
    });
}

#[test]
fn the_failures_of_siblings_do_not_count_against_a_child() {
    use actix_supervisor::{Backoff, Intensity};
    use std::time::Duration;
    TestHarness::run(|harness| async move {
        let (_, bystander) = harness.actor("bystander");
        let (actor, faulty) = harness.actor("faulty");
        let spec = SupervisorSpec::new("root", Strategy::OneForAll)
            .child(bystander.intensity(Intensity::never()))
            .child(faulty.backoff(Backoff::none()).intensity(Intensity::new(5, Duration::from_secs(60))));
        let root = harness.start(spec);
        for incarnation in 1..=5 {
            assert_eq!(actor.ready().await, Ok(incarnation));
            actor.cast(Trigger(FailureMode::PanicInHandler)).unwrap();
            actor.down(incarnation).await;
        }
        settle().await;
        assert_eq!(root.exit(), None);
        assert_eq!(incarnations(&root, &["bystander", "faulty"]), [6, 6]);
    });
}

#[test]
fn a_second_failure_while_siblings_are_being_stopped_leads_to_one_restart_of_all() {
    TestHarness::run(|harness| async move {
        let (first, one) = harness.actor("first");
        let (second, two) = harness.actor("second");
        let (_, slow) =
            harness.scripted("slow", actix_supervisor::testing::Script::default().draining(millis(200)));
        let spec = SupervisorSpec::new("root", Strategy::RestForOne).child(one).child(two).child(slow);
        let root = harness.start(spec);
        root.supervisor().actor().ready().await.unwrap();
        second.cast(Trigger(FailureMode::PanicInHandler)).unwrap();
        tokio::time::sleep(millis(100)).await;
        first.cast(Trigger(FailureMode::PanicInHandler)).unwrap();
        settle().await;
        assert_eq!(incarnations(&root, &["first", "second", "slow"]), [2, 2, 2]);
    });
}

#[test]
fn a_sibling_that_hangs_while_it_is_stopped_is_aborted_and_the_restart_continues() {
    use actix_supervisor::Shutdown;
    TestHarness::run(|harness| async move {
        let (first, one) = harness.actor("first");
        let (second, two) = harness.actor("second");
        let spec = SupervisorSpec::new("root", Strategy::OneForAll)
            .child(one)
            .child(two.no_heartbeat().shutdown(Shutdown::Timeout(millis(300))));
        let root = harness.start(spec);
        second.ready().await.unwrap();
        second.cast(Trigger(FailureMode::Hang)).unwrap();
        first.cast(Trigger(FailureMode::PanicInHandler)).unwrap();
        settle().await;
        assert_eq!(incarnations(&root, &["first", "second"]), [2, 2]);
        let tree = root.tree();
        let second = tree.actor("second").unwrap();
        assert_eq!(second.last_exit, Some(actix_supervisor::ExitReason::Killed));
    });
}

#[test]
fn a_child_that_fails_again_while_it_starts_is_started_again() {
    use actix_supervisor::testing::{Script, StartBehavior};
    TestHarness::run(|harness| async move {
        let script = Script::on_start(|n| {
            if n == 2 || n == 3 { StartBehavior::PanicsInStarted } else { StartBehavior::Ready }
        });
        let (actor, faulty) = harness.scripted("faulty", script);
        let (_, rest) = harness.actor("rest");
        let spec = SupervisorSpec::new("root", Strategy::RestForOne).child(faulty).child(rest);
        let root = harness.start(spec);
        root.supervisor().actor().ready().await.unwrap();
        actor.cast(Trigger(FailureMode::PanicInHandler)).unwrap();
        settle().await;
        assert_eq!(incarnations(&root, &["faulty", "rest"]), [4, 2]);
    });
}

#[test]
fn a_child_that_stopped_for_good_is_not_restarted_with_its_siblings() {
    TestHarness::run(|harness| async move {
        let (first, one) = harness.actor("first");
        let (second, two) = harness.actor("second");
        let spec = SupervisorSpec::new("root", Strategy::OneForAll)
            .child(one)
            .child(two.restart(Restart::Transient));
        let root = harness.start(spec);
        second.ready().await.unwrap();
        second.cast(Trigger(FailureMode::Stop)).unwrap();
        second.down(1).await;
        first.cast(Trigger(FailureMode::PanicInHandler)).unwrap();
        settle().await;
        assert_eq!(incarnations(&root, &["first", "second"]), [2, 0]);
        assert_eq!(root.tree().actor("second").unwrap().state, ActorState::Stopped);
    });
}

#[test]
fn a_supervisor_restarted_at_once_waits_until_its_old_children_have_ended() {
    use actix_supervisor::{Backoff, ChildSpec, Fault};
    TestHarness::run(|harness| async move {
        let (worker, spec) = harness.actor("worker");
        let nested = SupervisorSpec::new("nested", Strategy::OneForOne).child(spec);
        let child = ChildSpec::supervisor(nested).backoff(Backoff::none());
        let root = harness.start(SupervisorSpec::new("root", Strategy::OneForOne).child(child));
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
