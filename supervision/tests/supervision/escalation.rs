//! Escalation, up to the exit of the tree.

use std::time::Duration;

use actix_supervisor::testing::{FailureMode, Script, StartBehavior, TestHarness, Trigger};
use actix_supervisor::{
    ActorState, Backoff, CallError, ChildSpec, Exit, ExitReason, Intensity, Strategy, SupervisorSpec,
};

use super::{incarnations, settle, tree_of};

fn panicked() -> ExitReason {
    ExitReason::Panicked { message: "scripted panic in started".to_owned() }
}

fn crash_loop(after: u64) -> Script {
    Script::on_start(move |n| if n > after { StartBehavior::PanicsInStarted } else { StartBehavior::Ready })
}

#[test]
fn a_crash_loop_with_default_backoff_exceeds_the_default_intensity() {
    TestHarness::run(|harness| async move {
        let (_, spec) = harness.scripted("a", crash_loop(0));
        let root = harness.start(tree_of(spec));
        let exit = root.wait().await;
        assert_eq!(exit, Exit::Escalated { child: "a".into(), reason: panicked() });
        assert_eq!(exit.code(), 1);
        assert_eq!(root.tree().actor("a").unwrap().incarnation, 21);
    });
}

#[test]
fn an_escalating_supervisor_stops_the_others_in_reverse_order() {
    TestHarness::run(|harness| async move {
        let (_, first) = harness.actor("first");
        let (faulty, spec) = harness.actor("faulty");
        let (_, last) = harness.actor("last");
        let spec = tree_of(first).child(spec.intensity(Intensity::never())).child(last);
        let root = harness.start(spec);
        root.supervisor().actor().ready().await.unwrap();
        harness.journal().take();
        faulty.cast(Trigger(FailureMode::PanicInHandler)).unwrap();
        root.wait().await;
        let expected = ["faulty stopped", "last drained", "last stopped", "first drained", "first stopped"];
        assert_eq!(harness.journal().take(), expected);
    });
}

#[test]
fn a_nested_escalation_ends_the_tree_and_names_its_cause() {
    TestHarness::run(|harness| async move {
        let (_, spec) = harness.scripted("worker", crash_loop(0));
        let nested = SupervisorSpec::new("nested", Strategy::OneForOne).child(spec);
        let root = harness.start(tree_of(ChildSpec::supervisor(nested)));
        let cause = ExitReason::Escalated { child: "worker".into(), reason: Box::new(panicked()) };
        assert_eq!(root.wait().await, Exit::Escalated { child: "nested".into(), reason: cause });
    });
}

#[test]
fn an_absorbed_escalation_restarts_the_subtree() {
    TestHarness::run(|harness| async move {
        let (worker, spec) = harness.scripted(
            "worker",
            Script::on_start(|n| if n <= 2 { StartBehavior::FailsInFactory } else { StartBehavior::Ready }),
        );
        let spec = spec.intensity(Intensity::never()).backoff(Backoff::none());
        let nested = SupervisorSpec::new("nested", Strategy::OneForOne).child(spec);
        let root = harness.start(tree_of(ChildSpec::supervisor(nested).absorb_escalations()));
        assert_eq!(worker.ready().await, Ok(3));
        settle().await;
        assert_eq!(incarnations(&root, &["nested", "worker"]), [3, 3]);
    });
}

#[test]
fn absorbed_escalations_count_against_the_nested_supervisor() {
    TestHarness::run(|harness| async move {
        let (_, spec) = harness.scripted("worker", crash_loop(0));
        let nested =
            SupervisorSpec::new("nested", Strategy::OneForOne).child(spec.intensity(Intensity::never()));
        let child = ChildSpec::supervisor(nested).absorb_escalations();
        let root = harness.start(tree_of(child.intensity(Intensity::new(2, Duration::from_secs(10)))));
        assert!(matches!(root.wait().await, Exit::Escalated { child, .. } if child.as_str() == "nested"));
        assert_eq!(root.tree().actor("worker").unwrap().incarnation, 3);
    });
}

#[test]
fn messages_to_an_escalated_tree_fail_with_stopped() {
    TestHarness::run(|harness| async move {
        let (bystander, other) = harness.actor("bystander");
        let (_, spec) = harness.scripted("worker", crash_loop(0));
        let nested = SupervisorSpec::new("nested", Strategy::OneForOne).child(spec);
        let root = harness.start(tree_of(other).child(ChildSpec::supervisor(nested)));
        root.wait().await;
        assert_eq!(bystander.call(actix_supervisor::testing::Ping).await, Err(CallError::Stopped));
        let states: Vec<_> =
            root.tree().actors.iter().map(|actor| (actor.id.to_string(), actor.state)).collect();
        let expected = [
            ("root", ActorState::Failed),
            ("bystander", ActorState::Stopped),
            ("nested", ActorState::Failed),
            ("worker", ActorState::Failed),
        ];
        assert_eq!(states, expected.map(|(id, state)| (id.to_owned(), state)));
    });
}

#[test]
fn a_failure_during_an_escalation_changes_nothing() {
    TestHarness::run(|harness| async move {
        let (other, slow) = harness.scripted("slow", Script::default().draining(Duration::from_millis(200)));
        let (faulty, spec) = harness.actor("faulty");
        let root = harness.start(tree_of(slow).child(spec.intensity(Intensity::never())));
        faulty.ready().await.unwrap();
        faulty.cast(Trigger(FailureMode::PanicInHandler)).unwrap();
        other.cast(Trigger(FailureMode::PanicInTimer)).unwrap();
        let reason = ExitReason::Panicked { message: "scripted panic in a handler".to_owned() };
        assert_eq!(root.wait().await, Exit::Escalated { child: "faulty".into(), reason });
    });
}
