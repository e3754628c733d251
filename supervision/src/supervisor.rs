//! The supervisor, itself an actor.

use std::fmt;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, Waker};

use actix::fut::{ActorFuture, ActorFutureExt, wrap_future};
use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Message, ResponseActFuture};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, Sleep, sleep_until};

use super::children::Children;
use super::drain::{Drain, drain};
use super::launcher::{ActorLauncher, Launcher};
use super::starter::ChildEvent;
use super::supervisor_state::Termination;
use super::tree::ChildKind;
use super::{
    ActorId, ActorRef, ChildSpec, ExitReason, Shutdown, StartChildError, Starter, StopChildError, Strategy,
};

/// The specification of a supervisor and its children. Cheap to clone.
///
/// Children start in order, each when the previous one is ready, and stop in reverse order. A child
/// that fails while its supervisor boots is restarted by the same rules and delays its successors
/// until it is ready.
///
/// ```
/// use actix::prelude::*;
/// use actix_supervisor::{ActorRef, ChildSpec, Strategy, SupervisorSpec, start_root};
///
/// struct Worker;
///
/// impl Actor for Worker {
///     type Context = Context<Self>;
/// }
///
/// # #[actix::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let workers = (0..3).map(|n| {
///     let worker = ActorRef::new(format!("worker-{n}"));
///     ChildSpec::actor(&worker, || Worker)
/// });
/// let pool = SupervisorSpec::new("pool", Strategy::OneForOne).children(workers);
/// let spec = SupervisorSpec::new("root", Strategy::OneForAll)
///     .child(ChildSpec::supervisor(pool).absorb_escalations());
///
/// let root = start_root(spec)?;
/// root.supervisor().actor().ready().await?; // all children are ready
/// let tree = root.tree();
/// assert!(tree.is_up());
/// assert_eq!(tree.actor("worker-2").unwrap().parent.as_ref().unwrap().as_str(), "pool");
/// # root.shutdown(std::time::Duration::from_secs(1)).await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct SupervisorSpec {
    actor: ActorRef<SupervisorActor>,
    strategy: Strategy,
    children: Vec<ChildSpec>,
}

/// The address of a supervisor, to start and stop dynamic children.
///
/// Dynamic children are not restarted with their supervisor, as in OTP: after a restart of the
/// supervisor, its user has to start them again. They stop together, before the other children.
#[derive(Debug, Clone)]
pub struct SupervisorRef {
    actor: ActorRef<SupervisorActor>,
}

impl ChildSpec {
    /// A nested supervisor, named by its specification. It is ready when all its children are; it
    /// has no start timeout and no shutdown timeout of its own. If it escalates, its parent
    /// escalates too, unless the child [absorbs escalations](Self::absorb_escalations).
    pub fn supervisor(spec: SupervisorSpec) -> Self {
        let descendants = spec.names().collect();
        let mut child = Self::new(spec.into_launcher(), ChildKind::Supervisor);
        child.descendants = descendants;
        child.policy.start_timeout = None;
        child.policy.shutdown = Shutdown::Infinity;
        child
    }
}

/// The actor that starts, monitors, restarts and stops its children. Created only by
/// [`ChildSpec::supervisor`] and [`start_root`](super::start_root).
pub struct SupervisorActor {
    starter: Starter,
    children: Children,
    /// Taken by the [`EventLoop`] when the supervisor starts.
    events: Option<mpsc::UnboundedReceiver<ChildEvent>>,
    drained: Option<oneshot::Sender<()>>,
    event_loop: Option<Waker>,
}

// === impl SupervisorSpec ===

impl SupervisorSpec {
    /// A supervisor without children.
    pub fn new(id: impl Into<ActorId>, strategy: Strategy) -> Self {
        Self { actor: ActorRef::new(id), strategy, children: Vec::new() }
    }

    /// Adds a child, which starts after and stops before those added earlier.
    pub fn child(mut self, child: ChildSpec) -> Self {
        self.children.push(child);
        self
    }

    /// Adds children, in this order.
    pub fn children(mut self, children: impl IntoIterator<Item = ChildSpec>) -> Self {
        self.children.extend(children);
        self
    }

    /// The name of the supervisor.
    pub fn id(&self) -> &ActorId {
        self.actor.id()
    }

    /// The address of the supervisor, valid before it starts.
    pub fn handle(&self) -> SupervisorRef {
        SupervisorRef { actor: self.actor.clone() }
    }

    /// The names of all actors below this supervisor.
    pub(crate) fn names(&self) -> impl Iterator<Item = ActorId> {
        self.children.iter().flat_map(ChildSpec::names)
    }

    pub(crate) fn into_launcher(self) -> impl Launcher {
        let Self { actor, strategy, children } = self;
        ActorLauncher::new(
            &actor,
            move |starter| SupervisorActor::new(starter, strategy, children.clone()),
            Some(drain::<SupervisorActor>),
        )
    }
}

// === impl SupervisorRef ===

impl SupervisorRef {
    /// The name of the supervisor.
    pub fn id(&self) -> &ActorId {
        self.actor.id()
    }

    /// The address of the supervisor itself.
    pub fn actor(&self) -> &ActorRef<SupervisorActor> {
        &self.actor
    }

    /// Adds a child after all others and starts it; returns when the supervisor has added it, which
    /// may be before it is ready. The child is restarted like the others, is removed from the tree
    /// when it has ended for good, and is not restarted with the supervisor.
    ///
    /// # Errors
    /// See [`StartChildError`].
    pub async fn start_child(&self, child: ChildSpec) -> Result<(), StartChildError> {
        self.actor.call(StartChild(child)).await?
    }

    /// Stops a child for good, as its [`Shutdown`](super::Shutdown) says; returns when it is down.
    ///
    /// # Errors
    /// See [`StopChildError`].
    pub async fn stop_child(&self, id: impl Into<ActorId>) -> Result<(), StopChildError> {
        self.actor.call(StopChild(id.into())).await?
    }
}

// === impl SupervisorActor ===

impl SupervisorActor {
    fn new(starter: Starter, strategy: Strategy, specs: Vec<ChildSpec>) -> Self {
        starter.defer();
        let (event_tx, event_rx) = mpsc::unbounded_channel();
        let registry = starter.registry().clone();
        registry.unregister_dynamic(starter.id(), &specs.iter().map(ChildSpec::id).collect::<Vec<_>>());
        let mut children = Children::new(Some(starter.id().clone()), strategy, registry, event_tx);
        for spec in specs {
            if let Err(error) = children.add(spec, false) {
                starter.fail(error);
            }
        }
        Self { starter, children, events: Some(event_rx), drained: None, event_loop: None }
    }

    /// Makes the [`EventLoop`] perform what a handler has made due.
    fn wake_event_loop(&mut self) {
        self.event_loop.take().into_iter().for_each(Waker::wake);
    }

    /// Performs everything that is due, and returns when it has to be called again.
    fn advance(&mut self, ctx: &mut Context<Self>) -> Option<Instant> {
        let now = Instant::now();
        self.children.advance(now);
        if self.children.has_booted() {
            self.starter.ready();
        }
        match self.children.terminated() {
            None => {}
            Some(Termination::Shutdown) => drop(self.drained.take().map(|drained| drained.send(()))),
            Some(Termination::Escalation { child, reason }) => {
                let reason = Box::new(reason.clone());
                self.starter.override_exit(ExitReason::Escalated { child: child.clone(), reason });
                ctx.stop();
            }
        }
        self.children.wake_at(now)
    }
}

impl Actor for SupervisorActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        if let Some(events) = self.events.take() {
            ctx.spawn(EventLoop { events, timer: Box::pin(sleep_until(Instant::now())) });
        }
    }
}

impl fmt::Debug for SupervisorActor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SupervisorActor").field("id", self.starter.id()).finish_non_exhaustive()
    }
}

/// Hands the events of the children to the supervisor, and wakes it when something is due.
struct EventLoop {
    events: mpsc::UnboundedReceiver<ChildEvent>,
    timer: Pin<Box<Sleep>>,
}

impl ActorFuture<SupervisorActor> for EventLoop {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        supervisor: &mut SupervisorActor,
        ctx: &mut Context<SupervisorActor>,
        task: &mut TaskContext<'_>,
    ) -> Poll<()> {
        let event_loop = self.get_mut();
        supervisor.event_loop = Some(task.waker().clone());
        loop {
            while let Poll::Ready(Some(event)) = event_loop.events.poll_recv(task) {
                supervisor.children.handle_event(event, Instant::now());
            }
            let Some(at) = supervisor.advance(ctx) else {
                return Poll::Pending;
            };
            event_loop.timer.as_mut().reset(at);
            if event_loop.timer.as_mut().poll(task).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

struct StartChild(ChildSpec);

impl Message for StartChild {
    type Result = Result<(), StartChildError>;
}

impl Handler<StartChild> for SupervisorActor {
    type Result = Result<(), StartChildError>;

    fn handle(&mut self, StartChild(child): StartChild, _: &mut Context<Self>) -> Self::Result {
        self.children.add(child, true)?;
        self.wake_event_loop();
        Ok(())
    }
}

struct StopChild(ActorId);

impl Message for StopChild {
    type Result = Result<(), StopChildError>;
}

impl Handler<StopChild> for SupervisorActor {
    type Result = ResponseActFuture<Self, Result<(), StopChildError>>;

    fn handle(&mut self, StopChild(id): StopChild, _: &mut Context<Self>) -> Self::Result {
        let down = self.children.stop_child(&id);
        self.wake_event_loop();
        Box::pin(wrap_future(async move {
            let down = down.ok_or_else(|| StopChildError::UnknownChild(id.to_string()))?;
            // The sender is dropped, without sending anything, when the child is down.
            let _ = down.await;
            Ok(())
        }))
    }
}

impl Handler<Drain> for SupervisorActor {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: Drain, _: &mut Context<Self>) -> Self::Result {
        let (drained, all_down) = oneshot::channel();
        self.drained = Some(drained);
        self.children.shut_down();
        self.wake_event_loop();
        Box::pin(wrap_future(all_down).map(|_, _, _| ()))
    }
}
