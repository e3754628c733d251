//! Fault injection: random actors panic, hang and stop, while a client keeps calling.
//!
//! Run with `cargo run -p actix-supervisor --example chaos --features fault-injection,panic-hook`.

use std::error::Error;
use std::time::Duration;

use actix::prelude::*;
use actix_supervisor::{
    ActorRef, ChildSpec, Exit, Fault, Heartbeat, RestartCause, Strategy, SupervisorSpec, install_panic_hook,
    start_root,
};

const ACTORS: [&str; 3] = ["alpha", "beta", "gamma"];
const FAULTS: usize = 12;
/// A hang is detected after 3 missed heartbeats and one more interval.
const HEARTBEAT: Heartbeat = Heartbeat::new(Duration::from_millis(20), 3);

struct Echo;

impl Actor for Echo {
    type Context = Context<Self>;
}

#[derive(Message, Clone)]
#[rtype(result = "usize")]
struct Say(usize);

impl Handler<Say> for Echo {
    type Result = usize;

    fn handle(&mut self, Say(n): Say, _: &mut Context<Self>) -> usize {
        n
    }
}

#[actix::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Panics become log events, and without a subscriber nothing is printed.
    install_panic_hook();
    let actors = ACTORS.map(ActorRef::<Echo>::new);
    let children = actors.iter().map(|actor| ChildSpec::actor(actor, || Echo).heartbeat(HEARTBEAT));
    let root = start_root(SupervisorSpec::new("root", Strategy::OneForOne).children(children))?;
    root.supervisor().actor().ready().await?;

    for round in 0..FAULTS {
        let actor = &actors[rand::random_range(0..actors.len())];
        let fault = Fault::ALL[rand::random_range(0..Fault::ALL.len())];
        let incarnation = actor.ready().await?;
        root.inject(actor.id().clone(), fault)?;
        // The call waits for the restart, and is sent again if the fault hits it.
        let reply = actor.call_persistently(Say(round), Duration::from_secs(5)).await?;
        assert_eq!(reply, round);
        println!("{fault} in {}: incarnation {incarnation} is now {:?}", actor.id(), actor.incarnation());
    }

    let tree = root.tree();
    assert!(tree.is_up());
    for actor in ACTORS.iter().filter_map(|id| tree.actor(id)) {
        let count = |cause: RestartCause| actor.restarts.get(cause);
        println!(
            "{}: {} restarts (panic {}, hung {}, stopped {})",
            actor.id,
            actor.restarts.total(),
            count(RestartCause::Panic),
            count(RestartCause::Hung),
            count(RestartCause::Stopped)
        );
    }
    assert_eq!(root.shutdown(Duration::from_secs(5)).await, Exit::Shutdown);
    Ok(())
}
