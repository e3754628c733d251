//! An actor that misbehaves by script.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix::fut::{ActorFutureExt, wrap_future};
use actix::{
    Actor, ActorContext, AsyncContext, AtomicResponse, Context, Handler, Message, ResponseActFuture,
    ResponseFuture,
};

use super::Journal;
use super::world::Census;
use crate::{Drain, Starter};

/// How an incarnation comes to life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Birth {
    /// Ready at once.
    Well,
    /// Ready after this long.
    After(Duration),
    /// Never ready.
    Never,
    /// Gives up with an error in the factory.
    Fails,
    /// Panics in the factory.
    PanicsInFactory,
    /// Panics in `started()`.
    PanicsInStarted,
    /// Stops in `started()`.
    StopsInStarted,
}

/// What a scripted actor does in its life.
#[derive(Clone)]
pub struct Script {
    birth: Arc<dyn Fn(u64) -> Birth + Send + Sync>,
    drain: Option<Duration>,
}

/// A way to break a scripted actor from inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misdeed {
    /// Panics in the handler.
    PanicInHandler,
    /// Panics in a `run_later` timer.
    PanicInTimer,
    /// Panics in a future given to `ctx.spawn`.
    PanicInSpawned,
    /// Panics in the `ResponseActFuture` of the message.
    PanicInActFuture,
    /// Waits for ever in `ctx.wait`.
    Wedge,
    /// Waits this long in `ctx.wait`.
    WaitFor(Duration),
    /// Calls `ctx.stop()`.
    Stop,
    /// Calls `ctx.terminate()`.
    Terminate,
    /// Gives up with an error.
    GiveUp,
}

/// Breaks the actor.
#[derive(Debug, Clone, Copy)]
pub struct Misbehave(pub Misdeed);

/// Asks for the number of the incarnation.
#[derive(Debug, Clone, Copy)]
pub struct Ping;

/// Writes a line into the journal, after a pause during which the actor handles nothing else.
#[derive(Debug, Clone)]
pub struct Note(pub String, pub Duration);

/// Asks for an answer whose plain future panics where no supervisor sees it.
#[derive(Debug, Clone, Copy)]
pub struct PanicUnseen;

/// An actor that does what its [`Script`] and its messages say, and writes a journal of its life.
pub struct Scripted {
    starter: Starter,
    birth: Birth,
    drain: Option<Duration>,
    journal: Journal,
    census: Census,
}

// === impl Script ===

impl Script {
    /// Comes to life as `birth` says, given the number of the incarnation, counted from 1.
    pub fn births(birth: impl Fn(u64) -> Birth + Send + Sync + 'static) -> Self {
        Self { birth: Arc::new(birth), drain: None }
    }

    /// Needs this long to drain.
    pub fn draining(mut self, pause: Duration) -> Self {
        self.drain = Some(pause);
        self
    }
}

impl Default for Script {
    fn default() -> Self {
        Self::births(|_| Birth::Well)
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("drain", &self.drain).finish_non_exhaustive()
    }
}

// === impl Scripted ===

impl Scripted {
    pub(super) fn new(starter: Starter, script: &Script, journal: Journal, census: Census) -> Self {
        let birth = (script.birth)(starter.incarnation());
        match birth {
            Birth::PanicsInFactory => panic!("scripted panic in the factory"),
            Birth::Fails => starter.fail("scripted failure"),
            Birth::Never | Birth::After(_) => starter.defer(),
            _ => {}
        }
        census.enter(starter.id().as_str());
        Self { starter, birth, drain: script.drain, journal, census }
    }

    fn write(&self, what: &str) {
        self.journal.write(format!("{} {what}", self.starter.id()));
    }
}

impl Actor for Scripted {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        match self.birth {
            Birth::PanicsInStarted => panic!("scripted panic in started"),
            Birth::StopsInStarted => ctx.stop(),
            Birth::After(pause) => drop(ctx.run_later(pause, |actor, _| actor.starter.ready())),
            _ => {}
        }
        self.write("started");
    }

    fn stopped(&mut self, _: &mut Context<Self>) {
        self.write("stopped");
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.census.leave(self.starter.id().as_str());
    }
}

impl Message for Misbehave {
    type Result = ();
}

impl Handler<Misbehave> for Scripted {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, Misbehave(misdeed): Misbehave, ctx: &mut Context<Self>) -> Self::Result {
        let forever = || wrap_future::<_, Self>(std::future::pending::<()>());
        match misdeed {
            Misdeed::PanicInHandler => panic!("scripted panic in a handler"),
            Misdeed::PanicInTimer => {
                ctx.run_later(Duration::from_millis(1), |_, _| panic!("scripted panic in a timer"));
            }
            Misdeed::PanicInSpawned => {
                ctx.spawn(wrap_future(async { panic!("scripted panic in a spawned future") }));
            }
            Misdeed::PanicInActFuture => {
                return Box::pin(wrap_future(async { panic!("scripted panic in a response") }));
            }
            Misdeed::Wedge => ctx.wait(forever()),
            Misdeed::WaitFor(pause) => ctx.wait(wrap_future(tokio::time::sleep(pause))),
            Misdeed::Stop => ctx.stop(),
            Misdeed::Terminate => ctx.terminate(),
            Misdeed::GiveUp => self.starter.fail("scripted failure"),
        }
        Box::pin(forever())
    }
}

impl Message for Ping {
    type Result = u64;
}

impl Handler<Ping> for Scripted {
    type Result = u64;

    fn handle(&mut self, _: Ping, _: &mut Context<Self>) -> u64 {
        self.starter.incarnation()
    }
}

impl Message for Note {
    type Result = ();
}

impl Handler<Note> for Scripted {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, Note(line, pause): Note, _: &mut Context<Self>) -> Self::Result {
        let paused = wrap_future(tokio::time::sleep(pause));
        AtomicResponse::new(Box::pin(paused.map(move |(), actor: &mut Self, _| actor.write(&line))))
    }
}

impl Message for PanicUnseen {
    type Result = ();
}

impl Handler<PanicUnseen> for Scripted {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: PanicUnseen, _: &mut Context<Self>) -> Self::Result {
        Box::pin(async { panic!("scripted panic in a plain response future") })
    }
}

impl Handler<Drain> for Scripted {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: Drain, _: &mut Context<Self>) -> Self::Result {
        let pause = self.drain.unwrap_or_default();
        Box::pin(wrap_future(tokio::time::sleep(pause)).map(|(), actor: &mut Self, _| actor.write("drained")))
    }
}
