//! Giving up, all the way to the process.

use std::time::Duration;

use actix_supervisor::testing::{Birth, Misbehave, Misdeed, Script, World};
use actix_supervisor::{
    ActorState, Backoff, CallError, ChildSpec, Exit, ExitReason, Intensity, Strategy, SupervisorSpec,
};

use super::{alone, incarnations, settle};

fn panicked() -> ExitReason {
    ExitReason::Panicked { message: "scripted panic in started".to_owned() }
}

fn crash_loop(after: u64) -> Script {
    Script::births(move |n| if n > after { Birth::PanicsInStarted } else { Birth::Well })
}

#[test]
fn a_crash_loop_with_default_backoff_exceeds_the_default_intensity() {
    World::run(|world| async move {
        let (_, spec) = world.scripted("a", crash_loop(0));
        let root = world.start(alone(spec));
        let exit = root.wait().await;
        assert_eq!(exit, Exit::Escalated { child: "a".into(), reason: panicked() });
        assert_eq!(exit.code(), 1);
        assert_eq!(root.tree().actor("a").unwrap().incarnation, 21);
    });
}

#[test]
fn an_escalating_supervisor_stops_the_others_in_reverse_order() {
    World::run(|world| async move {
        let (_, first) = world.actor("first");
        let (faulty, spec) = world.actor("faulty");
        let (_, last) = world.actor("last");
        let spec = alone(first).child(spec.intensity(Intensity::never())).child(last);
        let root = world.start(spec);
        root.supervisor().actor().ready().await.unwrap();
        world.journal().take();
        faulty.cast(Misbehave(Misdeed::PanicInHandler)).unwrap();
        root.wait().await;
        let expected = ["faulty stopped", "last drained", "last stopped", "first drained", "first stopped"];
        assert_eq!(world.journal().take(), expected);
    });
}

#[test]
fn an_escalation_below_ends_the_tree_and_names_the_culprit() {
    World::run(|world| async move {
        let (_, spec) = world.scripted("worker", crash_loop(0));
        let nested = SupervisorSpec::new("nested", Strategy::OneForOne).child(spec);
        let root = world.start(alone(ChildSpec::supervisor(nested)));
        let culprit = ExitReason::Escalated { child: "worker".into(), reason: Box::new(panicked()) };
        assert_eq!(root.wait().await, Exit::Escalated { child: "nested".into(), reason: culprit });
    });
}

#[test]
fn an_absorbed_escalation_restarts_the_subtree() {
    World::run(|world| async move {
        let (worker, spec) =
            world.scripted("worker", Script::births(|n| if n <= 2 { Birth::Fails } else { Birth::Well }));
        let spec = spec.intensity(Intensity::never()).backoff(Backoff::none());
        let nested = SupervisorSpec::new("nested", Strategy::OneForOne).child(spec);
        let root = world.start(alone(ChildSpec::supervisor(nested).absorb_escalations()));
        assert_eq!(worker.ready().await, Ok(3));
        settle().await;
        assert_eq!(incarnations(&root, &["nested", "worker"]), [3, 3]);
    });
}

#[test]
fn absorbed_escalations_count_against_the_nested_supervisor() {
    World::run(|world| async move {
        let (_, spec) = world.scripted("worker", crash_loop(0));
        let nested =
            SupervisorSpec::new("nested", Strategy::OneForOne).child(spec.intensity(Intensity::never()));
        let child = ChildSpec::supervisor(nested).absorb_escalations();
        let root = world.start(alone(child.intensity(Intensity::new(2, Duration::from_secs(10)))));
        assert!(matches!(root.wait().await, Exit::Escalated { child, .. } if child.as_str() == "nested"));
        assert_eq!(root.tree().actor("worker").unwrap().incarnation, 3);
    });
}

#[test]
fn senders_learn_that_an_escalated_tree_is_gone() {
    World::run(|world| async move {
        let (bystander, other) = world.actor("bystander");
        let (_, spec) = world.scripted("worker", crash_loop(0));
        let nested = SupervisorSpec::new("nested", Strategy::OneForOne).child(spec);
        let root = world.start(alone(other).child(ChildSpec::supervisor(nested)));
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
fn a_death_while_escalating_changes_nothing() {
    World::run(|world| async move {
        let (other, slow) = world.scripted("slow", Script::default().draining(Duration::from_millis(200)));
        let (faulty, spec) = world.actor("faulty");
        let root = world.start(alone(slow).child(spec.intensity(Intensity::never())));
        faulty.ready().await.unwrap();
        faulty.cast(Misbehave(Misdeed::PanicInHandler)).unwrap();
        other.cast(Misbehave(Misdeed::PanicInTimer)).unwrap();
        let reason = ExitReason::Panicked { message: "scripted panic in a handler".to_owned() };
        assert_eq!(root.wait().await, Exit::Escalated { child: "faulty".into(), reason });
    });
}
