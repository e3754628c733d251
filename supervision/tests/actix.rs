//! The behavior of actix that the documentation states, without supervision.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix::prelude::*;
use actix_rt::System;

#[derive(Clone, Default)]
struct Starts(Arc<AtomicUsize>);

impl Starts {
    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

struct Fragile {
    starts: Starts,
}

impl Actor for Fragile {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.set_mailbox_capacity(1);
        self.starts.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Supervised for Fragile {}

#[derive(Message)]
#[rtype(result = "()")]
enum Do {
    Nothing,
    Panic,
    PanicInPlainFuture,
    Stop,
    Wait,
}

impl Handler<Do> for Fragile {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, message: Do, ctx: &mut Context<Self>) -> Self::Result {
        match message {
            Do::Nothing => {}
            Do::Panic => panic!("on request"),
            Do::PanicInPlainFuture => return Box::pin(async { panic!("on request") }),
            Do::Stop => ctx.stop(),
            Do::Wait => ctx.wait(actix::fut::wrap_future(std::future::pending::<()>())),
        }
        Box::pin(async {})
    }
}

fn supervised() -> (Addr<Fragile>, Starts) {
    let starts = Starts::default();
    let actor = Fragile { starts: starts.clone() };
    (Supervisor::start(|_| actor), starts)
}

async fn settle() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

#[test]
fn the_supervisor_of_actix_restarts_an_actor_that_stops() {
    System::new().block_on(async {
        let (addr, starts) = supervised();
        addr.send(Do::Stop).await.unwrap();
        settle().await;
        assert_eq!(addr.send(Do::Nothing).await, Ok(()));
        assert_eq!(starts.count(), 2);
    });
}

#[test]
fn the_supervisor_of_actix_does_not_restart_an_actor_that_panics() {
    System::new().block_on(async {
        let (addr, starts) = supervised();
        assert_eq!(addr.send(Do::Panic).await, Err(MailboxError::Closed));
        settle().await;
        assert_eq!(addr.send(Do::Nothing).await, Err(MailboxError::Closed));
        assert!(matches!(addr.try_send(Do::Nothing), Err(SendError::Closed(_))));
        addr.do_send(Do::Nothing); // lost without an error
        assert_eq!(starts.count(), 1);
    });
}

#[test]
fn a_panic_in_a_plain_response_future_does_not_end_the_actor() {
    System::new().block_on(async {
        let (addr, starts) = supervised();
        assert_eq!(addr.send(Do::PanicInPlainFuture).await, Err(MailboxError::Closed));
        assert_eq!(addr.send(Do::Nothing).await, Ok(()));
        assert_eq!(starts.count(), 1);
    });
}

#[test]
fn each_clone_of_an_address_has_a_slot_of_its_own_and_do_send_has_no_bound() {
    System::new().block_on(async {
        let (addr, _) = supervised();
        addr.send(Do::Nothing).await.unwrap();
        addr.try_send(Do::Wait).unwrap();
        settle().await;
        let accepted = (0..100).filter(|_| addr.clone().try_send(Do::Nothing).is_ok()).count();
        assert!(accepted >= 50, "{accepted} messages in a mailbox of capacity 1");
        for _ in 0..1000 {
            addr.do_send(Do::Nothing);
        }
    });
}

#[test]
fn the_supervisor_of_actix_does_not_notice_a_hung_actor() {
    actix_supervisor::testing::in_virtual_time(|| async {
        let (addr, starts) = supervised();
        addr.send(Do::Nothing).await.unwrap();
        addr.do_send(Do::Wait);
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert!(addr.connected());
        assert_eq!(starts.count(), 1);
    });
}
