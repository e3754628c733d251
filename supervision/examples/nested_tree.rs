//! Nested supervisors: restarts of dependent siblings, an absorbed escalation, and one that ends
//! the tree.
//!
//! Run with `cargo run -p actix-supervisor --example nested_tree`.

use std::error::Error;
use std::time::Duration;

use actix::prelude::*;
use actix_supervisor::{
    ActorRef, Backoff, ChildSpec, Exit, Intensity, RootHandle, Strategy, SupervisorSpec, start_root,
};

/// An actor that prints its starts and fails on request.
struct Service {
    name: &'static str,
}

impl Actor for Service {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Context<Self>) {
        println!("  {} started", self.name);
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Fail;

impl Handler<Fail> for Service {
    type Result = ();

    fn handle(&mut self, _: Fail, _: &mut Context<Self>) {
        panic!("{} failed on request", self.name);
    }
}

fn service(name: &'static str) -> (ActorRef<Service>, ChildSpec) {
    let actor = ActorRef::new(name);
    let spec = ChildSpec::actor(&actor, move || Service { name }).backoff(Backoff::none());
    (actor, spec)
}

/// Makes a service fail and waits until `last`, the last actor affected by it, is running again.
async fn fail(service: &ActorRef<Service>, last: &ActorRef<Service>) -> Result<(), Box<dyn Error>> {
    let incarnation = last.ready().await?;
    service.call(Fail).await.expect_err("the handler panics");
    last.down(incarnation).await;
    last.ready().await?;
    Ok(())
}

fn print_tree(root: &RootHandle) {
    for actor in root.tree().actors {
        let parent = actor.parent.map(|id| format!(" under {id}")).unwrap_or_default();
        println!("  {}{parent}: {}, incarnation {}", actor.id, actor.state.as_str(), actor.incarnation);
    }
}

#[actix::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (database, database_spec) = service("database");
    let (index, index_spec) = service("index");
    let (fetcher, fetcher_spec) = service("fetcher");

    // The index depends on the database, so both restart if the database fails.
    let storage = SupervisorSpec::new("storage", Strategy::RestForOne).child(database_spec).child(index_spec);
    // A single failure of the fetcher makes its supervisor escalate. The root tolerates that once.
    let network =
        SupervisorSpec::new("network", Strategy::OneForOne).child(fetcher_spec.intensity(Intensity::never()));
    let spec = SupervisorSpec::new("root", Strategy::OneForOne).child(ChildSpec::supervisor(storage)).child(
        ChildSpec::supervisor(network)
            .absorb_escalations()
            .intensity(Intensity::new(1, Duration::from_secs(60))),
    );

    println!("children start in order:");
    let root = start_root(spec)?;
    root.supervisor().actor().ready().await?;

    println!("the database fails, and the index restarts with it:");
    fail(&database, &index).await?;

    println!("the fetcher fails, and its whole subtree restarts:");
    fail(&fetcher, &fetcher).await?;
    print_tree(&root);

    println!("the fetcher fails again, and the tree gives up:");
    fetcher.call(Fail).await.expect_err("the handler panics");
    let exit = root.wait().await;
    print_tree(&root);
    println!("{exit:?}; a process would exit with code {}", exit.code());
    assert!(matches!(exit, Exit::Escalated { child, .. } if child.as_str() == "network"));
    Ok(())
}
