//! Actors with a thread of their own. These tests run on the real clock, and wait for events only.

use std::sync::{Arc, Mutex, mpsc};
use std::thread::ThreadId;
use std::time::Duration;

use actix::{Actor, Context, Handler, Message};
use actix_rt::System;
use actix_supervisor::{ActorRef, ChildSpec, Exit, ExitReason, Fault, Heartbeat, Placement, start_root};

use super::alone;

/// Long enough for a busy machine not to hold up a healthy thread for as long.
const PATIENT: Heartbeat = Heartbeat::new(Duration::from_millis(50), 20);

/// Blocks its thread when told to, until the test is over.
struct Apart {
    release: Arc<Mutex<mpsc::Receiver<()>>>,
}

impl Actor for Apart {
    type Context = Context<Self>;
}

struct WhichThread;

impl Message for WhichThread {
    type Result = Option<ThreadId>;
}

impl Handler<WhichThread> for Apart {
    type Result = Option<ThreadId>;

    fn handle(&mut self, _: WhichThread, _: &mut Context<Self>) -> Option<ThreadId> {
        Some(std::thread::current().id())
    }
}

struct Block;

impl Message for Block {
    type Result = ();
}

impl Handler<Block> for Apart {
    type Result = ();

    fn handle(&mut self, _: Block, _: &mut Context<Self>) {
        let _ = self.release.lock().unwrap().recv();
    }
}

fn apart() -> (ActorRef<Apart>, ChildSpec, mpsc::Sender<()>) {
    let (unblock, release) = mpsc::channel();
    let release = Arc::new(Mutex::new(release));
    let actor = ActorRef::new("apart");
    let spec = ChildSpec::actor(&actor, move || Apart { release: release.clone() });
    (actor, spec.placement(Placement::OwnArbiter), unblock)
}

#[test]
fn every_incarnation_has_a_thread_of_its_own() {
    System::new().block_on(async {
        let (actor, spec, _unblock) = apart();
        let root = start_root(alone(spec)).unwrap();
        actor.ready().await.unwrap();
        let first = actor.call(WhichThread).await.unwrap();
        assert_ne!(first, Some(std::thread::current().id()));
        root.inject("apart", Fault::Panic).unwrap();
        actor.down(1).await;
        assert_eq!(actor.ready().await, Ok(2));
        assert_ne!(actor.call(WhichThread).await.unwrap(), first);
        assert_eq!(root.shutdown(Duration::from_secs(10)).await, Exit::Shutdown);
    });
}

#[test]
fn a_hung_actor_apart_is_restarted() {
    System::new().block_on(async {
        let (actor, spec, _unblock) = apart();
        let root = start_root(alone(spec.heartbeat(PATIENT))).unwrap();
        actor.ready().await.unwrap();
        root.inject("apart", Fault::Hang).unwrap();
        actor.down(1).await;
        assert_eq!(actor.ready().await, Ok(2));
        root.shutdown(Duration::from_secs(10)).await;
    });
}

#[test]
fn an_actor_that_blocks_its_thread_escalates() {
    System::new().block_on(async {
        let (actor, spec, unblock) = apart();
        let root = start_root(alone(spec.heartbeat(PATIENT))).unwrap();
        actor.ready().await.unwrap();
        actor.cast(Block).unwrap();
        let unkillable = Exit::Escalated { child: "apart".into(), reason: ExitReason::Unkillable };
        assert_eq!(root.wait().await, unkillable);
        drop(unblock);
    });
}
