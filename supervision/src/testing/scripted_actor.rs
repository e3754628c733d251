//! An actor that fails as scripted.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix::fut::{ActorFutureExt, wrap_future};
use actix::{
    Actor, ActorContext, AsyncContext, AtomicResponse, Context, Handler, Message, ResponseActFuture,
    ResponseFuture,
};

use super::Journal;
use super::live_actors::LiveActors;
use crate::{Drain, Starter};

/// How an incarnation starts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartBehavior {
    /// Ready at once.
    Ready,
    /// Ready after this time.
    ReadyAfter(Duration),
    /// Never ready.
    NeverReady,
    /// Reports an error in the factory.
    FailsInFactory,
    /// Panics in the factory.
    PanicsInFactory,
    /// Panics in `started()`.
    PanicsInStarted,
    /// Stops in `started()`.
    StopsInStarted,
}

/// How the incarnations of a scripted actor start and stop.
#[derive(Clone)]
pub struct Script {
    on_start: Arc<dyn Fn(u64) -> StartBehavior + Send + Sync>,
    drain: Option<Duration>,
}

/// A way to make a scripted actor fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureMode {
    /// Panics in the handler.
    PanicInHandler,
    /// Panics in a `run_later` timer.
    PanicInTimer,
    /// Panics in a future given to `ctx.spawn`.
    PanicInSpawnedFuture,
    /// Panics in the `ResponseActFuture` of the message.
    PanicInActorFuture,
    /// Waits forever in `ctx.wait`.
    Hang,
    /// Waits this long in `ctx.wait`.
    Pause(Duration),
    /// Calls `ctx.stop()`.
    Stop,
    /// Calls `ctx.terminate()`.
    Terminate,
    /// Reports an error with [`Starter::fail`].
    Fail,
}

/// Makes the actor fail.
#[derive(Debug, Clone, Copy)]
pub struct Trigger(pub FailureMode);

/// Returns the number of the incarnation.
#[derive(Debug, Clone, Copy)]
pub struct Ping;

/// Writes a line to the journal after a pause during which the actor handles nothing else.
#[derive(Debug, Clone)]
pub struct WriteLine(pub String, pub Duration);

/// Replies with a plain future that panics, which no supervisor sees.
#[derive(Debug, Clone, Copy)]
pub struct PanicInPlainFuture;

/// An actor that does what its [`Script`] and its messages say, and writes its starts and stops to
/// a journal.
pub struct ScriptedActor {
    starter: Starter,
    behavior: StartBehavior,
    drain: Option<Duration>,
    journal: Journal,
    live_actors: LiveActors,
}

// === impl Script ===

impl Script {
    /// Each incarnation starts as `behavior` says, given its number, counted from 1.
    pub fn on_start(behavior: impl Fn(u64) -> StartBehavior + Send + Sync + 'static) -> Self {
        Self { on_start: Arc::new(behavior), drain: None }
    }

    /// Takes this long to drain.
    pub fn draining(mut self, pause: Duration) -> Self {
        self.drain = Some(pause);
        self
    }
}

impl Default for Script {
    fn default() -> Self {
        Self::on_start(|_| StartBehavior::Ready)
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("drain", &self.drain).finish_non_exhaustive()
    }
}

// === impl ScriptedActor ===

impl ScriptedActor {
    pub(super) fn new(starter: Starter, script: &Script, journal: Journal, live_actors: LiveActors) -> Self {
        let behavior = (script.on_start)(starter.incarnation());
        match behavior {
            StartBehavior::PanicsInFactory => panic!("scripted panic in the factory"),
            StartBehavior::FailsInFactory => starter.fail("scripted failure"),
            StartBehavior::NeverReady | StartBehavior::ReadyAfter(_) => starter.defer(),
            _ => {}
        }
        live_actors.add(starter.id().as_str());
        Self { starter, behavior, drain: script.drain, journal, live_actors }
    }

    fn write(&self, what: &str) {
        self.journal.write(format!("{} {what}", self.starter.id()));
    }
}

impl Actor for ScriptedActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        match self.behavior {
            StartBehavior::PanicsInStarted => panic!("scripted panic in started"),
            StartBehavior::StopsInStarted => ctx.stop(),
            StartBehavior::ReadyAfter(pause) => drop(ctx.run_later(pause, |actor, _| actor.starter.ready())),
            _ => {}
        }
        self.write("started");
    }

    fn stopped(&mut self, _: &mut Context<Self>) {
        self.write("stopped");
    }
}

impl Drop for ScriptedActor {
    fn drop(&mut self) {
        self.live_actors.remove(self.starter.id().as_str());
    }
}

impl Message for Trigger {
    type Result = ();
}

impl Handler<Trigger> for ScriptedActor {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, Trigger(failure): Trigger, ctx: &mut Context<Self>) -> Self::Result {
        let forever = || wrap_future::<_, Self>(std::future::pending::<()>());
        match failure {
            FailureMode::PanicInHandler => panic!("scripted panic in a handler"),
            FailureMode::PanicInTimer => {
                ctx.run_later(Duration::from_millis(1), |_, _| panic!("scripted panic in a timer"));
            }
            FailureMode::PanicInSpawnedFuture => {
                ctx.spawn(wrap_future(async { panic!("scripted panic in a spawned future") }));
            }
            FailureMode::PanicInActorFuture => {
                return Box::pin(wrap_future(async { panic!("scripted panic in a response") }));
            }
            FailureMode::Hang => ctx.wait(forever()),
            FailureMode::Pause(pause) => ctx.wait(wrap_future(tokio::time::sleep(pause))),
            FailureMode::Stop => ctx.stop(),
            FailureMode::Terminate => ctx.terminate(),
            FailureMode::Fail => self.starter.fail("scripted failure"),
        }
        Box::pin(forever())
    }
}

impl Message for Ping {
    type Result = u64;
}

impl Handler<Ping> for ScriptedActor {
    type Result = u64;

    fn handle(&mut self, _: Ping, _: &mut Context<Self>) -> u64 {
        self.starter.incarnation()
    }
}

impl Message for WriteLine {
    type Result = ();
}

impl Handler<WriteLine> for ScriptedActor {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, WriteLine(line, pause): WriteLine, _: &mut Context<Self>) -> Self::Result {
        let paused = wrap_future(tokio::time::sleep(pause));
        AtomicResponse::new(Box::pin(paused.map(move |(), actor: &mut Self, _| actor.write(&line))))
    }
}

impl Message for PanicInPlainFuture {
    type Result = ();
}

impl Handler<PanicInPlainFuture> for ScriptedActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: PanicInPlainFuture, _: &mut Context<Self>) -> Self::Result {
        Box::pin(async { panic!("scripted panic in a plain response future") })
    }
}

impl Handler<Drain> for ScriptedActor {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: Drain, _: &mut Context<Self>) -> Self::Result {
        let pause = self.drain.unwrap_or_default();
        Box::pin(wrap_future(tokio::time::sleep(pause)).map(|(), actor: &mut Self, _| actor.write("drained")))
    }
}
