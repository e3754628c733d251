//! The future that runs the mailbox of an incarnation and records its heartbeats.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use actix::fut::ActorFuture;
use actix::{Actor, ActorContext, AsyncContext, Context};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use super::Starter;
use super::actor_ref::ActorRefInner;
#[cfg(feature = "fault-injection")]
use super::actor_ref::mailbox::inject_fault;
use super::actor_ref::mailbox::{ControlSignal, Envelope};
use super::queue::Queue;
use super::selective_waker::SelectiveWaker;

/// How many messages are handled before other tasks on the thread get a turn.
const BATCH: usize = 128;

/// Sends [`Drain`](super::Drain) to an actor that handles it.
pub(crate) type DrainFn<A> = fn(&mut A, &mut Context<A>, oneshot::Sender<()>);

/// Runs the mailbox of an actor as a future in its context. As part of the context, it does not run
/// while the actor `ctx.wait`s, ends with the actor, and its panics are those of the actor.
pub(crate) struct Pump<A: Actor<Context = Context<A>>> {
    actor: Arc<ActorRefInner<A>>,
    starter: Starter,
    messages: Arc<Queue<Envelope<A>>>,
    control_rx: mpsc::UnboundedReceiver<ControlSignal>,
    drain: Option<DrainFn<A>>,
    ticks: Interval,
    /// Woken by `ticks` and `control_rx`, which are seldom ready.
    selective_waker: SelectiveWaker,
    started: bool,
    handling: bool,
    stop_progress: StopProgress,
}

/// The progress of an orderly stop.
enum StopProgress {
    NotRequested,
    /// Handling the messages that had been accepted.
    EmptyingMailbox,
    /// Waiting for the reply to [`Drain`](super::Drain).
    Draining(oneshot::Receiver<()>),
}

// === impl Pump ===

impl<A: Actor<Context = Context<A>>> Pump<A> {
    pub(crate) fn new(
        actor: Arc<ActorRefInner<A>>,
        starter: Starter,
        messages: Arc<Queue<Envelope<A>>>,
        control_rx: mpsc::UnboundedReceiver<ControlSignal>,
        drain: Option<DrainFn<A>>,
        heartbeat_interval: Duration,
    ) -> Self {
        let mut ticks = interval(heartbeat_interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            actor,
            starter,
            messages,
            control_rx,
            drain,
            ticks,
            selective_waker: SelectiveWaker::new(),
            started: false,
            handling: false,
            stop_progress: StopProgress::NotRequested,
        }
    }

    /// Records heartbeats and handles control signals, if one of their sources has woken the task.
    fn poll_ticks_and_control(&mut self, ctx: &mut Context<A>, task: &TaskContext<'_>) {
        if let Some(waker) = self.selective_waker.take_woken(task) {
            let mut task = TaskContext::from_waker(&waker);
            self.record_heartbeats(&mut task);
            self.handle_control_signals(ctx, &mut task);
        }
    }

    fn record_heartbeats(&mut self, task: &mut TaskContext<'_>) {
        while self.ticks.poll_tick(task).is_ready() {
            self.starter.entry().last_heartbeat().record(Instant::now());
        }
    }

    fn handle_control_signals(&mut self, ctx: &mut Context<A>, task: &mut TaskContext<'_>) {
        loop {
            if ctx.waiting() {
                // Further signals are handled after the wait.
                return self.selective_waker.mark_woken();
            }
            match self.control_rx.poll_recv(task) {
                Poll::Ready(Some(ControlSignal::Stop)) => {
                    self.messages.close();
                    self.stop_progress = StopProgress::EmptyingMailbox;
                }
                #[cfg(feature = "fault-injection")]
                Poll::Ready(Some(ControlSignal::Inject(fault))) => inject_fault(fault, ctx),
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
                Poll::Ready(None) => return self.finish_stop(actor, ctx, task),
                Poll::Pending => return,
            }
        }
        // Other tasks on this thread get a turn first.
        task.waker().wake_by_ref();
    }

    /// The mailbox is closed and empty: drains the actor if it handles `Drain`, then stops it.
    fn finish_stop(&mut self, actor: &mut A, ctx: &mut Context<A>, task: &mut TaskContext<'_>) {
        if let (StopProgress::EmptyingMailbox, Some(drain)) = (&self.stop_progress, self.drain) {
            let (done, drained) = oneshot::channel();
            self.stop_progress = StopProgress::Draining(drained);
            drain(actor, ctx, done);
        }
        let drained = match &mut self.stop_progress {
            StopProgress::NotRequested | StopProgress::EmptyingMailbox => true,
            StopProgress::Draining(drained) => Pin::new(drained).poll(task).is_ready(),
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
        // actix polls a context once more while it unwinds; a message handled then could panic
        // again and abort.
        if std::thread::panicking() {
            return Poll::Pending;
        }
        if !pump.started {
            pump.started = true;
            pump.starter.started();
        }
        pump.poll_ticks_and_control(ctx, task);
        pump.handle_messages(actor, ctx, task);
        Poll::Pending
    }
}

impl<A: Actor<Context = Context<A>>> Drop for Pump<A> {
    /// Rejects further messages at once, and counts the accepted messages that are lost.
    fn drop(&mut self) {
        self.actor.close(self.starter.incarnation());
        let waiting = self.messages.clear() as u64;
        self.actor.count_lost(u64::from(self.handling) + waiting);
    }
}
