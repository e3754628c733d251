//! What a factory can learn and report about the incarnation it creates.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::mpsc;

use super::registry::{Registry, RegistryEntry};
use super::{ActorId, ExitReason};

/// A handle of one incarnation, given to factories created with
/// [`ChildSpec::actor_with`](super::ChildSpec::actor_with).
///
/// A child is ready, and receives its first message, when `started()` has returned and every future
/// passed to `ctx.wait` has completed. A factory that calls [`defer`](Self::defer) postpones that
/// until [`ready`](Self::ready).
#[derive(Clone)]
pub struct Starter {
    inner: Arc<StarterInner>,
}

struct StarterInner {
    incarnation: u64,
    deferred: AtomicBool,
    ready_reported: AtomicBool,
    /// Replaces the reason that the task reports when it ends.
    exit_override: Mutex<Option<ExitReason>>,
    events: mpsc::UnboundedSender<ChildEvent>,
    entry: Arc<RegistryEntry>,
    registry: Registry,
}

/// A report of an incarnation to its supervisor.
#[derive(Debug)]
pub(crate) struct ChildEvent {
    pub(crate) child: ActorId,
    pub(crate) incarnation: u64,
    pub(crate) kind: ChildEventKind,
}

#[derive(Debug)]
pub(crate) enum ChildEventKind {
    /// It may receive messages.
    Ready,
    /// It asks to be aborted; the exit override holds the reason.
    AbortRequested,
    /// It has ended.
    Exited(ExitReason),
}

// === impl Starter ===

impl Starter {
    pub(crate) fn new(
        incarnation: u64,
        entry: Arc<RegistryEntry>,
        registry: Registry,
        events: mpsc::UnboundedSender<ChildEvent>,
    ) -> Self {
        let inner = StarterInner {
            incarnation,
            deferred: AtomicBool::new(false),
            ready_reported: AtomicBool::new(false),
            exit_override: Mutex::new(None),
            events,
            entry,
            registry,
        };
        Self { inner: Arc::new(inner) }
    }

    /// The name of the child.
    pub fn id(&self) -> &ActorId {
        self.inner.entry.id()
    }

    /// The number of this incarnation, counted from 1 across all restarts.
    pub fn incarnation(&self) -> u64 {
        self.inner.incarnation
    }

    /// Keeps the child from being ready before [`ready`](Self::ready). Call it in the factory.
    pub fn defer(&self) {
        self.inner.deferred.store(true, Ordering::Release);
    }

    /// Declares the child ready. Further calls have no effect.
    pub fn ready(&self) {
        if !self.inner.ready_reported.swap(true, Ordering::AcqRel) {
            self.send(ChildEventKind::Ready);
        }
    }

    /// Ends this incarnation with [`ExitReason::Failed`], or [`ExitReason::StartFailed`] if it was
    /// not ready yet. Its supervisor aborts it and decides about a restart.
    pub fn fail(&self, error: impl fmt::Display) {
        let message = error.to_string();
        self.override_exit(match self.inner.ready_reported.load(Ordering::Acquire) {
            true => ExitReason::Failed { message },
            false => ExitReason::StartFailed { message },
        });
        self.send(ChildEventKind::AbortRequested);
    }

    /// Sets the exit reason of this incarnation; the first one set is kept.
    pub(crate) fn override_exit(&self, reason: ExitReason) {
        self.inner.exit_override.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
    }

    /// Called when the actor has started and its mailbox is running.
    pub(crate) fn started(&self) {
        if !self.inner.deferred.load(Ordering::Acquire) {
            self.ready();
        }
    }

    /// Reports the exit of the actor; `reason` is what its task says, unless it has been
    /// overridden.
    pub(crate) fn exited(&self, reason: ExitReason) {
        let exit_override = self.inner.exit_override.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.send(ChildEventKind::Exited(exit_override.unwrap_or(reason)));
    }

    pub(crate) fn entry(&self) -> &Arc<RegistryEntry> {
        &self.inner.entry
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.inner.registry
    }

    fn send(&self, kind: ChildEventKind) {
        let event = ChildEvent { child: self.id().clone(), incarnation: self.inner.incarnation, kind };
        // If the supervisor has ended, the event is of no interest.
        let _ = self.inner.events.send(event);
    }
}

impl fmt::Debug for Starter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Starter").field("id", self.id()).field("incarnation", &self.incarnation()).finish()
    }
}
