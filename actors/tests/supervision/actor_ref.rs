//! Messages: what arrives, what comes back, what is refused.

use std::time::Duration;

use github_stats_actors::supervision::testing::{Misbehave, Misdeed, Note, PanicUnseen, Ping, Script, World};
use github_stats_actors::supervision::{
    ActorRef, CallError, CastError, ChildSpec, Restart, RestartCause, Strategy, SupervisorSpec,
};

fn alone(child: ChildSpec) -> SupervisorSpec {
    SupervisorSpec::new("root", Strategy::OneForOne).child(child)
}

fn note(line: &str, pause: u64) -> Note {
    Note(line.to_owned(), Duration::from_millis(pause))
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
