//! A pool of workers as dynamic children: workers are added, restarted after a panic, and removed.
//!
//! Run with `cargo run -p actix-supervisor --example worker_pool`.

use std::error::Error;
use std::time::Duration;

use actix::prelude::*;
use actix_supervisor::{ActorRef, ChildSpec, Exit, Restart, Strategy, SupervisorSpec, start_root};

#[derive(Default)]
struct Worker {
    jobs: u32,
}

impl Actor for Worker {
    type Context = Context<Self>;
}

/// A job: a number to halve. Odd numbers make the worker panic.
#[derive(Message, Clone)]
#[rtype(result = "Halved")]
struct Halve(u32);

#[derive(MessageResponse)]
struct Halved {
    half: u32,
    jobs: u32,
}

impl Handler<Halve> for Worker {
    type Result = Halved;

    fn handle(&mut self, Halve(number): Halve, _: &mut Context<Self>) -> Halved {
        assert!(number.is_multiple_of(2), "{number} is odd");
        self.jobs += 1;
        Halved { half: number / 2, jobs: self.jobs }
    }
}

#[actix::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // The pool starts without children. Workers fail independently of each other: one for one.
    let root = start_root(SupervisorSpec::new("pool", Strategy::OneForOne))?;
    let pool = root.supervisor();
    pool.actor().ready().await?;

    let workers: Vec<ActorRef<Worker>> = (0..3).map(|n| ActorRef::new(format!("worker-{n}"))).collect();
    for worker in &workers {
        // A transient child is restarted after a failure, but not after it has stopped on its own.
        pool.start_child(ChildSpec::actor(worker, Worker::default).restart(Restart::Transient)).await?;
        worker.ready().await?;
    }

    // Jobs are distributed round robin. Job 7 kills a worker; its address reaches the successor.
    for (job, worker) in [2, 4, 6, 8, 7, 10, 12, 14].into_iter().zip(workers.iter().cycle()) {
        match worker.call(Halve(job)).await {
            Ok(Halved { half, jobs }) => println!("{}: {job} / 2 = {half} (its job no. {jobs})", worker.id()),
            Err(error) => println!("{}: {job} failed: {error}", worker.id()),
        }
        worker.ready().await?;
    }

    pool.stop_child("worker-2").await?;
    println!("worker-2 was removed; the tree is now:");
    for actor in root.tree().actors {
        println!(
            "  {} {}, incarnation {}, {} restarts",
            actor.id,
            actor.state.as_str(),
            actor.incarnation,
            actor.restarts.total()
        );
    }

    assert_eq!(root.shutdown(Duration::from_secs(5)).await, Exit::Shutdown);
    Ok(())
}
