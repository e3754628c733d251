//! Actors on a thread of their own. These tests use the real clock, and wait only for events.

use std::sync::{Arc, Mutex, mpsc};
use std::thread::ThreadId;
use std::time::Duration;

use actix::{Actor, Context, Handler, Message};
use actix_rt::System;
use actix_supervisor::{ActorRef, ChildSpec, Exit, ExitReason, Fault, Heartbeat, Placement, start_root};

use super::tree_of;

/// Long enough for a healthy thread to beat even on a busy machine.
const LENIENT: Heartbeat = Heartbeat::new(Duration::from_millis(50), 20);

/// Blocks its thread on request until the end of the test.
struct OwnThreadActor {
    release: Arc<Mutex<mpsc::Receiver<()>>>,
}

impl Actor for OwnThreadActor {
    type Context = Context<Self>;
}

struct WhichThread;

impl Message for WhichThread {
    type Result = Option<ThreadId>;
}

impl Handler<WhichThread> for OwnThreadActor {
    type Result = Option<ThreadId>;

    fn handle(&mut self, _: WhichThread, _: &mut Context<Self>) -> Option<ThreadId> {
        Some(std::thread::current().id())
    }
}

struct Block;

impl Message for Block {
    type Result = ();
}

impl Handler<Block> for OwnThreadActor {
    type Result = ();

    fn handle(&mut self, _: Block, _: &mut Context<Self>) {
        let _ = self.release.lock().unwrap().recv();
    }
}

fn own_thread_actor() -> (ActorRef<OwnThreadActor>, ChildSpec, mpsc::Sender<()>) {
    let (unblock, release) = mpsc::channel();
    let release = Arc::new(Mutex::new(release));
    let actor = ActorRef::new("own-thread");
    let spec = ChildSpec::actor(&actor, move || OwnThreadActor { release: release.clone() });
    (actor, spec.placement(Placement::OwnArbiter), unblock)
}

#[test]
fn every_incarnation_gets_a_new_thread() {
    System::new().block_on(async {
        let (actor, spec, _unblock) = own_thread_actor();
        let root = start_root(tree_of(spec)).unwrap();
        actor.ready().await.unwrap();
        let first = actor.call(WhichThread).await.unwrap();
        assert_ne!(first, Some(std::thread::current().id()));
        root.inject("own-thread", Fault::Panic).unwrap();
        actor.down(1).await;
        assert_eq!(actor.ready().await, Ok(2));
        assert_ne!(actor.call(WhichThread).await.unwrap(), first);
        assert_eq!(root.shutdown(Duration::from_secs(10)).await, Exit::Shutdown);
    });
}

#[test]
fn a_hung_actor_on_its_own_thread_is_restarted() {
    System::new().block_on(async {
        let (actor, spec, _unblock) = own_thread_actor();
        let root = start_root(tree_of(spec.heartbeat(LENIENT))).unwrap();
        actor.ready().await.unwrap();
        root.inject("own-thread", Fault::Hang).unwrap();
        actor.down(1).await;
        assert_eq!(actor.ready().await, Ok(2));
        root.shutdown(Duration::from_secs(10)).await;
    });
}

#[test]
fn an_actor_that_blocks_its_thread_escalates() {
    System::new().block_on(async {
        let (actor, spec, unblock) = own_thread_actor();
        let root = start_root(tree_of(spec.heartbeat(LENIENT))).unwrap();
        actor.ready().await.unwrap();
        actor.cast(Block).unwrap();
        let unkillable = Exit::Escalated { child: "own-thread".into(), reason: ExitReason::Unkillable };
        assert_eq!(root.wait().await, unkillable);
        drop(unblock);
    });
}
