//! Starting an incarnation.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context};
use actix_rt::{Arbiter, System};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinError, JoinHandle, spawn_local};

use super::actor_ref::ActorRefInner;
use super::actor_ref::mailbox::{ControlSignal, Envelope, IncarnationControl, Mailbox, MailboxControl};
use super::current_actor::CURRENT_ACTOR;
use super::pump::{DrainFn, Pump};
use super::queue::Queue;
use super::registry::{ErasedActorRef, Registry, RegistryEntry};
use super::run_options::{Placement, RunOptions};
use super::starter::ChildEvent;
use super::{ActorRef, ExitReason, Starter};

/// Starts incarnations of one child; hides the type of its actor.
pub(crate) trait Launcher: Send + Sync {
    /// The address of the child, without its type.
    fn actor_ref(&self) -> Arc<dyn ErasedActorRef>;
    /// Starts an incarnation.
    fn launch(&self, context: LaunchContext) -> Incarnation;
}

/// What an incarnation needs from its supervisor.
pub(crate) struct LaunchContext {
    pub(crate) entry: Arc<RegistryEntry>,
    pub(crate) registry: Registry,
    pub(crate) events: mpsc::UnboundedSender<ChildEvent>,
    pub(crate) run_options: RunOptions,
}

/// The supervisor's handle of a running incarnation. Dropping it aborts the incarnation.
pub(crate) struct Incarnation {
    pub(crate) number: u64,
    pub(crate) control: Box<dyn IncarnationControl>,
    /// Aborts the task when it is dropped.
    abort: Option<oneshot::Sender<()>>,
}

/// The [`Launcher`] of an ordinary actor.
pub(crate) struct ActorLauncher<A: Actor<Context = Context<A>>> {
    actor: Arc<ActorRefInner<A>>,
    factory: Arc<dyn Fn(Starter) -> A + Send + Sync>,
    drain: Option<DrainFn<A>>,
}

// === impl Incarnation ===

impl Incarnation {
    /// Aborts the task of the incarnation, which takes effect as soon as its thread is free.
    pub(crate) fn abort(&mut self) {
        self.abort = None;
    }
}

// === impl ActorLauncher ===

impl<A: Actor<Context = Context<A>>> ActorLauncher<A> {
    pub(crate) fn new(
        actor: &ActorRef<A>,
        factory: impl Fn(Starter) -> A + Send + Sync + 'static,
        drain: Option<DrainFn<A>>,
    ) -> Self {
        Self { actor: actor.inner().clone(), factory: Arc::new(factory), drain }
    }
}

impl<A: Actor<Context = Context<A>>> Launcher for ActorLauncher<A> {
    fn actor_ref(&self) -> Arc<dyn ErasedActorRef> {
        self.actor.clone()
    }

    fn launch(&self, context: LaunchContext) -> Incarnation {
        let LaunchContext { entry, registry, events, run_options } = context;
        let number = self.actor.next_incarnation();
        let starter = Starter::new(number, entry, registry, events);
        let messages = Arc::new(Queue::new(run_options.mailbox_capacity));
        let (control, control_rx) = mpsc::unbounded_channel();
        let (abort, aborted) = oneshot::channel();
        let mailbox = Arc::new(Mailbox { incarnation: number, messages: messages.clone(), control });
        let task = IncarnationTask {
            actor: self.actor.clone(),
            factory: self.factory.clone(),
            drain: self.drain,
            starter: starter.clone(),
            messages,
            control_rx,
            heartbeat_interval: run_options.heartbeat_interval,
        };
        match run_options.placement {
            Placement::Same => drop(spawn_local(run_and_report(task, aborted, starter))),
            Placement::OwnArbiter => launch_on_own_arbiter(task, aborted, starter),
        }
        let control = Box::new(MailboxControl { actor: self.actor.clone(), mailbox });
        Incarnation { number, control, abort: Some(abort) }
    }
}

/// Starts an incarnation on a new thread, which ends with it.
fn launch_on_own_arbiter<A: Actor<Context = Context<A>>>(
    task: IncarnationTask<A>,
    aborted: oneshot::Receiver<()>,
    starter: Starter,
) {
    if System::try_current().is_none() {
        let message = "an arbiter of its own needs a running actix system".to_owned();
        return starter.exited(ExitReason::StartFailed { message });
    }
    match Arbiter::try_new() {
        Ok(arbiter) => {
            arbiter.spawn_fn(move || {
                spawn_local(async move {
                    run_and_report(task, aborted, starter).await;
                    Arbiter::current().stop();
                });
            });
        }
        Err(error) => starter.exited(ExitReason::StartFailed { message: error.to_string() }),
    }
}

/// Runs an incarnation to its end and reports its exit.
async fn run_and_report<A: Actor<Context = Context<A>>>(
    task: IncarnationTask<A>,
    aborted: oneshot::Receiver<()>,
    starter: Starter,
) {
    let id = starter.id().clone();
    let mut task = spawn_local(CURRENT_ACTOR.scope(id, task.run()));
    let ended = tokio::select! {
        biased;
        ended = &mut task => ended,
        _ = aborted => abort(task).await,
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

/// Everything an incarnation consists of; may be sent to the thread it will run on.
struct IncarnationTask<A: Actor<Context = Context<A>>> {
    actor: Arc<ActorRefInner<A>>,
    factory: Arc<dyn Fn(Starter) -> A + Send + Sync>,
    drain: Option<DrainFn<A>>,
    starter: Starter,
    messages: Arc<Queue<Envelope<A>>>,
    control_rx: mpsc::UnboundedReceiver<ControlSignal>,
    heartbeat_interval: Duration,
}

// === impl IncarnationTask ===

impl<A: Actor<Context = Context<A>>> IncarnationTask<A> {
    async fn run(self) {
        let inner = self.actor.clone();
        let _alive = inner.lock_alive().await;
        let actor = (self.factory)(self.starter.clone());
        let mut context = Context::new();
        context.spawn(Pump::new(
            self.actor,
            self.starter,
            self.messages,
            self.control_rx,
            self.drain,
            self.heartbeat_interval,
        ));
        context.into_future(actor).await;
    }
}
