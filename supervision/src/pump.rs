//! The heart of an incarnation: takes messages out of its mailbox and beats.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use actix::fut::ActorFuture;
use actix::{Actor, ActorContext, AsyncContext, Context};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use super::Starter;
use super::actor_ref::Shared;
use super::bell::Bell;
use super::mailbox::{Envelope, Order, break_actor};
use super::queue::Queue;

/// How many messages are handled before others on the thread have their turn.
const BATCH: usize = 128;

/// Handles [`Drain`](super::Drain) on behalf of an actor that knows it.
pub(crate) type DrainFn<A> = fn(&mut A, &mut Context<A>, oneshot::Sender<()>);

/// Future in an actor's context that runs its mailbox. Being part of the context, it sleeps while the actor
/// `ctx.wait`s, dies with the actor, and its panics are the actor's.
pub(crate) struct Pump<A: Actor<Context = Context<A>>> {
    shared: Arc<Shared<A>>,
    starter: Starter,
    messages: Arc<Queue<Envelope<A>>>,
    orders: mpsc::UnboundedReceiver<Order>,
    drain: Option<DrainFn<A>>,
    ticks: Interval,
    bell: Bell,
    started: bool,
    handling: bool,
    ending: Ending,
}

/// How far the orderly end has come.
enum Ending {
    NotAsked,
    /// Handling what was accepted.
    Emptying,
    /// Waiting for the actor to drain itself.
    Draining(oneshot::Receiver<()>),
}

// === impl Pump ===

impl<A: Actor<Context = Context<A>>> Pump<A> {
    pub(crate) fn new(
        shared: Arc<Shared<A>>,
        starter: Starter,
        messages: Arc<Queue<Envelope<A>>>,
        orders: mpsc::UnboundedReceiver<Order>,
        drain: Option<DrainFn<A>>,
        beat: Duration,
    ) -> Self {
        let mut ticks = interval(beat);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            shared,
            starter,
            messages,
            orders,
            drain,
            ticks,
            bell: Bell::new(),
            started: false,
            handling: false,
            ending: Ending::NotAsked,
        }
    }

    /// Beats and obeys if the bell has rung.
    fn attend(&mut self, ctx: &mut Context<A>, task: &TaskContext<'_>) {
        if let Some(waker) = self.bell.answer(task) {
            let mut rung = TaskContext::from_waker(&waker);
            self.beat(&mut rung);
            self.obey_orders(ctx, &mut rung);
        }
    }

    fn beat(&mut self, task: &mut TaskContext<'_>) {
        while self.ticks.poll_tick(task).is_ready() {
            self.starter.entry().pulse().beat(Instant::now());
        }
    }

    fn obey_orders(&mut self, ctx: &mut Context<A>, task: &mut TaskContext<'_>) {
        loop {
            if ctx.waiting() {
                // Further orders are heard when the wait is over.
                return self.bell.ring();
            }
            match self.orders.poll_recv(task) {
                Poll::Ready(Some(Order::Finish)) => {
                    self.messages.close();
                    self.ending = Ending::Emptying;
                }
                Poll::Ready(Some(Order::Break(fault))) => break_actor(fault, ctx),
                Poll::Ready(None) | Poll::Pending => return,
            }
        }
    }

    fn handle_messages(&mut self, actor: &mut A, ctx: &mut Context<A>, task: &mut TaskContext<'_>) {
        for _ in 0..BATCH {
            if ctx.waiting() {
                return;
            }
            match self.messages.poll_pop(task) {
                Poll::Ready(Some(envelope)) => {
                    self.handling = true;
                    envelope(actor, ctx);
                    self.handling = false;
                }
                Poll::Ready(None) => return self.end(actor, ctx, task),
                Poll::Pending => return,
            }
        }
        // Others on this thread have their turn first.
        task.waker().wake_by_ref();
    }

    /// The mailbox is closed and empty: drains the actor if it can be drained, then stops it.
    fn end(&mut self, actor: &mut A, ctx: &mut Context<A>, task: &mut TaskContext<'_>) {
        if let (Ending::Emptying, Some(drain)) = (&self.ending, self.drain) {
            let (done, drained) = oneshot::channel();
            self.ending = Ending::Draining(drained);
            drain(actor, ctx, done);
        }
        let drained = match &mut self.ending {
            Ending::NotAsked | Ending::Emptying => true,
            Ending::Draining(drained) => Pin::new(drained).poll(task).is_ready(),
        };
        if drained {
            ctx.stop();
        }
    }
}

impl<A: Actor<Context = Context<A>>> ActorFuture<A> for Pump<A> {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        actor: &mut A,
        ctx: &mut Context<A>,
        task: &mut TaskContext<'_>,
    ) -> Poll<()> {
        let pump = self.get_mut();
        // actix polls a context once more while it unwinds; a message handled then could panic again and abort.
        if std::thread::panicking() {
            return Poll::Pending;
        }
        if !pump.started {
            pump.started = true;
            pump.starter.started();
        }
        pump.attend(ctx, task);
        pump.handle_messages(actor, ctx, task);
        Poll::Pending
    }
}

impl<A: Actor<Context = Context<A>>> Drop for Pump<A> {
    /// Turns senders away at once, and counts the accepted messages that die here.
    fn drop(&mut self) {
        self.shared.close(self.starter.incarnation());
        let waiting = self.messages.clear() as u64;
        self.shared.count_lost(u64::from(self.handling) + waiting);
    }
}
