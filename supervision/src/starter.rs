//! What a factory may know and say about the incarnation it makes.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::mpsc;

use super::registry::{Entry, Registry};
use super::{ActorId, ExitReason};

/// Handle of one incarnation, given to factories made with [`ChildSpec::actor_with`](super::ChildSpec::actor_with).
///
/// A child counts as ready, and gets its first message, when `started()` has returned and whatever it put into
/// `ctx.wait` is over. A factory that called [`defer`](Self::defer) postpones that until [`ready`](Self::ready).
#[derive(Clone)]
pub struct Starter {
    birth: Arc<Birth>,
}

struct Birth {
    incarnation: u64,
    deferred: AtomicBool,
    announced: AtomicBool,
    verdict: Mutex<Option<ExitReason>>,
    events: mpsc::UnboundedSender<Event>,
    entry: Arc<Entry>,
    registry: Registry,
}

/// What a supervisor hears of a child.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) child: ActorId,
    pub(crate) incarnation: u64,
    pub(crate) news: News,
}

#[derive(Debug)]
pub(crate) enum News {
    /// It may get messages.
    Ready,
    /// It wants to be ended; its verdict says why.
    GivesUp,
    /// It has ended.
    Exited(ExitReason),
}

// === impl Starter ===

impl Starter {
    pub(crate) fn new(
        incarnation: u64,
        entry: Arc<Entry>,
        registry: Registry,
        events: mpsc::UnboundedSender<Event>,
    ) -> Self {
        let birth = Birth {
            incarnation,
            deferred: AtomicBool::new(false),
            announced: AtomicBool::new(false),
            verdict: Mutex::new(None),
            events,
            entry,
            registry,
        };
        Self { birth: Arc::new(birth) }
    }

    /// The name of the child.
    pub fn id(&self) -> &ActorId {
        self.birth.entry.id()
    }

    /// The number of this incarnation, counted from 1 over all restarts.
    pub fn incarnation(&self) -> u64 {
        self.birth.incarnation
    }

    /// Makes the child not ready before [`ready`](Self::ready). Call it in the factory.
    pub fn defer(&self) {
        self.birth.deferred.store(true, Ordering::Release);
    }

    /// Declares the child ready. Further calls change nothing.
    pub fn ready(&self) {
        if !self.birth.announced.swap(true, Ordering::AcqRel) {
            self.tell(News::Ready);
        }
    }

    /// Gives up: ends this incarnation with [`ExitReason::Failed`] ([`ExitReason::StartFailed`] if it was not ready
    /// yet). Its supervisor aborts it and decides on a restart.
    pub fn fail(&self, error: impl fmt::Display) {
        let message = error.to_string();
        self.give_up(match self.birth.announced.load(Ordering::Acquire) {
            true => ExitReason::Failed { message },
            false => ExitReason::StartFailed { message },
        });
    }

    pub(crate) fn give_up(&self, reason: ExitReason) {
        self.decide(reason);
        self.tell(News::GivesUp);
    }

    /// Sets what a normal exit of this incarnation shall be called; the first reason stays.
    pub(crate) fn decide(&self, reason: ExitReason) {
        self.birth.verdict.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
    }

    /// The actor has started and its mailbox runs.
    pub(crate) fn started(&self) {
        if !self.birth.deferred.load(Ordering::Acquire) {
            self.ready();
        }
    }

    /// The actor has ended: `reason` is what its task says, unless it gave up before.
    pub(crate) fn exited(&self, reason: ExitReason) {
        let verdict = self.birth.verdict.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.tell(News::Exited(verdict.unwrap_or(reason)));
    }

    pub(crate) fn entry(&self) -> &Arc<Entry> {
        &self.birth.entry
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.birth.registry
    }

    fn tell(&self, news: News) {
        let event = Event { child: self.id().clone(), incarnation: self.birth.incarnation, news };
        // A supervisor that is gone needs no news.
        let _ = self.birth.events.send(event);
    }
}

impl fmt::Debug for Starter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Starter").field("id", self.id()).field("incarnation", &self.incarnation()).finish()
    }
}
