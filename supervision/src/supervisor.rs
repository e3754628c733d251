//! The supervisor: an actor like its children.

use std::fmt;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, Waker};

use actix::fut::{ActorFuture, ActorFutureExt, wrap_future};
use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Message, ResponseActFuture};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, Sleep, sleep_until};

use super::crew::Closing;
use super::drain::{Drain, drain};
use super::launch::{ActorLaunch, Launch};
use super::nursery::Nursery;
use super::starter::Event;
use super::{ActorId, ActorRef, CallError, ChildSpec, ExitReason, Starter};

/// Who else is restarted when a child dies, in OTP's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// Nobody.
    OneForOne,
    /// The children that were specified after it, because they may depend on it.
    RestForOne,
    /// All children, because they depend on each other.
    OneForAll,
}

/// A supervisor and its children, before it starts. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SupervisorSpec {
    actor: ActorRef<SupervisorActor>,
    strategy: Strategy,
    children: Vec<ChildSpec>,
}

/// Address of a supervisor, to start and stop dynamic children.
#[derive(Debug, Clone)]
pub struct SupervisorRef {
    actor: ActorRef<SupervisorActor>,
}

/// Why a child was not started.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StartChildError {
    /// The tree has a child of this name already.
    #[error("the tree already has an actor called {0}")]
    DuplicateId(String),
    /// The supervisor is going down.
    #[error("the supervisor is shutting down")]
    ShuttingDown,
    /// The supervisor did not answer.
    #[error("the supervisor did not answer: {0}")]
    Call(#[from] CallError),
}

/// Why a child was not stopped.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StopChildError {
    /// The supervisor has no such child.
    #[error("the supervisor has no child called {0}")]
    UnknownChild(String),
    /// The supervisor did not answer.
    #[error("the supervisor did not answer: {0}")]
    Call(#[from] CallError),
}

/// The actor that starts, watches, restarts and stops its children. Made by
/// [`ChildSpec::supervisor`] and [`start_root`](super::start_root) only.
pub struct SupervisorActor {
    starter: Starter,
    nursery: Nursery,
    news: Option<mpsc::UnboundedReceiver<Event>>,
    drained: Option<oneshot::Sender<()>>,
    watch: Option<Waker>,
}

// === impl SupervisorSpec ===

impl SupervisorSpec {
    /// A supervisor without children.
    pub fn new(id: impl Into<ActorId>, strategy: Strategy) -> Self {
        Self { actor: ActorRef::new(id), strategy, children: Vec::new() }
    }

    /// Adds a child, started after and stopped before those added earlier.
    pub fn child(mut self, child: ChildSpec) -> Self {
        self.children.push(child);
        self
    }

    /// Adds children in this order.
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

    pub(crate) fn into_launch(self) -> impl Launch {
        let Self { actor, strategy, children } = self;
        ActorLaunch::new(
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

    /// Adds a child after all others and starts it; `Ok` when the supervisor has taken it on. It is restarted like
    /// the others, leaves the tree when it has ended for good, and is not remembered when the supervisor itself is
    /// restarted.
    ///
    /// # Errors
    /// See [`StartChildError`].
    pub async fn start_child(&self, child: ChildSpec) -> Result<(), StartChildError> {
        self.actor.call(StartChild(child)).await?
    }

    /// Stops a child for good, as its [`Shutdown`](super::Shutdown) says; `Ok` when it is down.
    ///
    /// # Errors
    /// See [`StopChildError`].
    pub async fn stop_child(&self, id: impl Into<ActorId>) -> Result<(), StopChildError> {
        self.actor.call(StopChild(id.into())).await?
    }
}

// === impl SupervisorActor ===

impl SupervisorActor {
    fn new(starter: Starter, strategy: Strategy, children: Vec<ChildSpec>) -> Self {
        starter.defer();
        let (events, news) = mpsc::unbounded_channel();
        let registry = starter.registry().clone();
        registry.forget_others(starter.id(), &children);
        let mut nursery = Nursery::new(Some(starter.id().clone()), strategy, registry, events);
        for child in children {
            if let Err(error) = nursery.add(child, false) {
                starter.fail(error);
            }
        }
        Self { starter, nursery, news: Some(news), drained: None, watch: None }
    }

    /// Has [`Watch`] do what a handler has made due.
    fn wake(&mut self) {
        self.watch.take().into_iter().for_each(Waker::wake);
    }

    /// Does everything that is due, and says when the next thing will be.
    fn advance(&mut self, ctx: &mut Context<Self>) -> Option<Instant> {
        let now = Instant::now();
        self.nursery.advance(now);
        if self.nursery.has_booted() {
            self.starter.ready();
        }
        match self.nursery.is_over() {
            None => {}
            Some(Closing::Shutdown) => drop(self.drained.take().map(|drained| drained.send(()))),
            Some(Closing::Escalation { child, reason }) => {
                let reason = Box::new(reason.clone());
                self.starter.decide(ExitReason::Escalated { child: child.clone(), reason });
                ctx.stop();
            }
        }
        self.nursery.wake_at(now)
    }
}

impl Actor for SupervisorActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        if let Some(news) = self.news.take() {
            ctx.spawn(Watch { news, alarm: Box::pin(sleep_until(Instant::now())) });
        }
    }
}

impl fmt::Debug for SupervisorActor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SupervisorActor").field("id", self.starter.id()).finish_non_exhaustive()
    }
}

/// Wakes the supervisor at news of a child, and when something is due.
struct Watch {
    news: mpsc::UnboundedReceiver<Event>,
    alarm: Pin<Box<Sleep>>,
}

impl ActorFuture<SupervisorActor> for Watch {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        supervisor: &mut SupervisorActor,
        ctx: &mut Context<SupervisorActor>,
        task: &mut TaskContext<'_>,
    ) -> Poll<()> {
        let watch = self.get_mut();
        supervisor.watch = Some(task.waker().clone());
        loop {
            while let Poll::Ready(Some(event)) = watch.news.poll_recv(task) {
                supervisor.nursery.hear(event, Instant::now());
            }
            let Some(at) = supervisor.advance(ctx) else {
                return Poll::Pending;
            };
            watch.alarm.as_mut().reset(at);
            if watch.alarm.as_mut().poll(task).is_pending() {
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
        self.nursery.add(child, true)?;
        self.wake();
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
        let down = self.nursery.stop_child(&id);
        self.wake();
        Box::pin(wrap_future(async move {
            let down = down.ok_or_else(|| StopChildError::UnknownChild(id.to_string()))?;
            // Whoever was told of the death drops its end instead of answering.
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
        self.nursery.close();
        self.wake();
        Box::pin(wrap_future(all_down).map(|_, _, _| ()))
    }
}
