//! The birth of an incarnation.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context};
use actix_rt::{Arbiter, System};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinError, JoinHandle, spawn_local};

use super::actor_ref::Shared;
use super::child_spec::{Berth, Placement};
use super::mailbox::{Envelope, Line, Mailbox, MailboxLine, Order};
use super::panic_hook::CURRENT_ACTOR;
use super::pump::{DrainFn, Pump};
use super::queue::Queue;
use super::registry::{Entry, Port, Registry};
use super::starter::Event;
use super::{ActorRef, ExitReason, Starter};

/// Makes incarnations of one child, whatever its type.
pub(crate) trait Launch: Send + Sync {
    /// The child's address, without its type.
    fn port(&self) -> Arc<dyn Port>;
    /// Starts an incarnation.
    fn launch(&self, order: LaunchOrder) -> Incarnation;
}

/// What an incarnation needs to know from its supervisor.
pub(crate) struct LaunchOrder {
    pub(crate) entry: Arc<Entry>,
    pub(crate) registry: Registry,
    pub(crate) events: mpsc::UnboundedSender<Event>,
    pub(crate) berth: Berth,
}

/// A supervisor's hold on a living incarnation. Dropping it aborts the incarnation.
pub(crate) struct Incarnation {
    pub(crate) number: u64,
    pub(crate) line: Box<dyn Line>,
    kill: Option<oneshot::Sender<()>>,
}

/// [`Launch`] of an ordinary actor.
pub(crate) struct ActorLaunch<A: Actor<Context = Context<A>>> {
    shared: Arc<Shared<A>>,
    factory: Arc<dyn Fn(Starter) -> A + Send + Sync>,
    drain: Option<DrainFn<A>>,
}

// === impl Incarnation ===

impl Incarnation {
    /// Aborts the task of the incarnation, as soon as its thread is free.
    pub(crate) fn kill(&mut self) {
        self.kill = None;
    }
}

// === impl ActorLaunch ===

impl<A: Actor<Context = Context<A>>> ActorLaunch<A> {
    pub(crate) fn new(
        actor: &ActorRef<A>,
        factory: impl Fn(Starter) -> A + Send + Sync + 'static,
        drain: Option<DrainFn<A>>,
    ) -> Self {
        Self { shared: actor.shared().clone(), factory: Arc::new(factory), drain }
    }
}

impl<A: Actor<Context = Context<A>>> Launch for ActorLaunch<A> {
    fn port(&self) -> Arc<dyn Port> {
        self.shared.clone()
    }

    fn launch(&self, order: LaunchOrder) -> Incarnation {
        let number = self.shared.next_incarnation();
        let starter = Starter::new(number, order.entry, order.registry, order.events);
        let messages = Arc::new(Queue::new(order.berth.capacity));
        let (orders, order_box) = mpsc::unbounded_channel();
        let (kill, killed) = oneshot::channel();
        let line = MailboxLine {
            shared: self.shared.clone(),
            mailbox: Arc::new(Mailbox { incarnation: number, messages: messages.clone(), orders }),
        };
        let body = Body {
            shared: self.shared.clone(),
            factory: self.factory.clone(),
            drain: self.drain,
            starter: starter.clone(),
            inbox: messages,
            order_box,
            beat: order.berth.beat,
        };
        match order.berth.placement {
            Placement::Same => drop(spawn_local(watch(body, killed, starter))),
            Placement::OwnArbiter => launch_apart(body, killed, starter),
        }
        Incarnation { number, line: Box::new(line), kill: Some(kill) }
    }
}

/// Starts an incarnation on a thread of its own, which ends with it.
fn launch_apart<A: Actor<Context = Context<A>>>(
    body: Body<A>,
    killed: oneshot::Receiver<()>,
    starter: Starter,
) {
    if System::try_current().is_none() {
        let message = "an own arbiter needs a running actix system".to_owned();
        return starter.exited(ExitReason::StartFailed { message });
    }
    match Arbiter::try_new() {
        Ok(arbiter) => {
            arbiter.spawn_fn(move || {
                spawn_local(async move {
                    watch(body, killed, starter).await;
                    Arbiter::current().stop();
                });
            });
        }
        Err(error) => starter.exited(ExitReason::StartFailed { message: error.to_string() }),
    }
}

/// Runs an incarnation to its end and reports how it ended.
async fn watch<A: Actor<Context = Context<A>>>(
    body: Body<A>,
    killed: oneshot::Receiver<()>,
    starter: Starter,
) {
    let id = starter.id().clone();
    let mut task = spawn_local(CURRENT_ACTOR.scope(id, body.live()));
    let ended = tokio::select! {
        biased;
        ended = &mut task => ended,
        _ = killed => abort(task).await,
    };
    starter.exited(match ended {
        Ok(()) => ExitReason::Normal,
        Err(error) => exit_reason(error),
    });
}

async fn abort(task: JoinHandle<()>) -> Result<(), JoinError> {
    task.abort();
    task.await
}

fn exit_reason(error: JoinError) -> ExitReason {
    match error.try_into_panic() {
        Ok(payload) => ExitReason::panicked(payload.as_ref()),
        Err(_) => ExitReason::Cancelled,
    }
}

/// Everything an incarnation is made of; may cross to the thread it will live on.
struct Body<A: Actor<Context = Context<A>>> {
    shared: Arc<Shared<A>>,
    factory: Arc<dyn Fn(Starter) -> A + Send + Sync>,
    drain: Option<DrainFn<A>>,
    starter: Starter,
    inbox: Arc<Queue<Envelope<A>>>,
    order_box: mpsc::UnboundedReceiver<Order>,
    beat: Duration,
}

// === impl Body ===

impl<A: Actor<Context = Context<A>>> Body<A> {
    async fn live(self) {
        let shared = self.shared.clone();
        let _seat = shared.take_seat().await;
        let actor = (self.factory)(self.starter.clone());
        let mut context = Context::new();
        let pump = Pump::new(self.shared, self.starter, self.inbox, self.order_box, self.drain, self.beat);
        context.spawn(pump);
        context.into_future(actor).await;
    }
}
