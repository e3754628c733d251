//! The tree as anyone may read it, from any thread, without asking an actor.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::time::Instant;

use super::heartbeat::Pulse;
use super::tree::{ActorSnapshot, ActorState, ChildKind, RestartCounts, TreeSnapshot};
use super::{ActorId, ChildSpec, ExitReason, Fault, InjectError, RestartCause};

/// What the tree can ask of any [`ActorRef`](super::ActorRef), whatever its type.
pub(crate) trait Port: Send + Sync {
    /// The name of the actor.
    fn id(&self) -> &ActorId;
    /// Accepted messages that wait.
    fn depth(&self) -> usize;
    /// Accepted messages that died unhandled, over all incarnations.
    fn lost(&self) -> u64;
    /// Breaks the living incarnation; false if there is none.
    fn inject(&self, fault: Fault) -> bool;
    /// From now on somebody intends to start it.
    fn expect(&self);
    /// From now on nobody intends to start it.
    fn retire(&self);
}

/// All children of one tree, in the order in which they were first started.
#[derive(Clone)]
pub(crate) struct Registry {
    entries: Arc<ArcSwap<Vec<Arc<Entry>>>>,
}

/// One child of the tree; survives its restarts and those of its supervisor.
pub(crate) struct Entry {
    parent: Option<ActorId>,
    kind: ChildKind,
    port: Arc<dyn Port>,
    pulse: Pulse,
    state: AtomicU8,
    incarnation: AtomicU64,
    restarts: [AtomicU64; RestartCause::ALL.len()],
    last_exit: ArcSwapOption<ExitReason>,
    since: ArcSwap<Instant>,
}

// === impl Registry ===

impl Registry {
    pub(crate) fn new() -> Self {
        Self { entries: Arc::new(ArcSwap::from_pointee(Vec::new())) }
    }

    /// The entry of a child, made if it is new. `None` if another parent has a child of this name.
    pub(crate) fn enter(
        &self,
        parent: Option<&ActorId>,
        kind: ChildKind,
        port: Arc<dyn Port>,
    ) -> Option<Arc<Entry>> {
        port.expect();
        let fresh = Arc::new(Entry::new(parent.cloned(), kind, port));
        self.entries.rcu(|entries| {
            let mut entries = Vec::clone(entries);
            if !entries.iter().any(|entry| entry.id() == fresh.id()) {
                entries.push(fresh.clone());
            }
            entries
        });
        self.find(fresh.id()).filter(|entry| entry.parent.as_ref() == parent)
    }

    /// Forgets a child.
    pub(crate) fn leave(&self, id: &ActorId) {
        self.entries
            .rcu(|entries| entries.iter().filter(|entry| entry.id() != id).cloned().collect::<Vec<_>>());
    }

    /// Forgets the children of `parent` that are not among `children`: what a supervisor had taken on before it was
    /// restarted itself.
    pub(crate) fn forget_others(&self, parent: &ActorId, children: &[ChildSpec]) {
        let entries = self.entries.load();
        for entry in entries.iter().filter(|entry| entry.parent.as_ref() == Some(parent)) {
            if !children.iter().any(|child| child.id() == *entry.id()) {
                self.retire(entry.id());
                self.leave(entry.id());
            }
        }
    }

    /// Tells the senders of this actor, and of all below it, that nobody will start it again.
    pub(crate) fn retire(&self, id: &ActorId) {
        let entries = self.entries.load();
        for entry in entries.iter().filter(|entry| entry.parent.as_ref() == Some(id)) {
            self.retire(entry.id());
        }
        if let Some(entry) = self.find(id) {
            entry.port.retire();
        }
    }

    pub(crate) fn find(&self, id: &ActorId) -> Option<Arc<Entry>> {
        self.entries.load().iter().find(|entry| entry.id() == id).cloned()
    }

    pub(crate) fn inject(&self, id: &ActorId, fault: Fault) -> Result<(), InjectError> {
        let entry = self.find(id).ok_or_else(|| InjectError::UnknownActor(id.to_string()))?;
        match entry.port.inject(fault) {
            true => Ok(()),
            false => Err(InjectError::NotRunning(id.to_string())),
        }
    }

    pub(crate) fn snapshot(&self) -> TreeSnapshot {
        let now = Instant::now();
        TreeSnapshot { actors: self.entries.load().iter().map(|entry| entry.snapshot(now)).collect() }
    }
}

// === impl Entry ===

impl Entry {
    fn new(parent: Option<ActorId>, kind: ChildKind, port: Arc<dyn Port>) -> Self {
        Self {
            parent,
            kind,
            port,
            pulse: Pulse::new(),
            state: AtomicU8::new(ActorState::Starting as u8),
            incarnation: AtomicU64::new(0),
            restarts: Default::default(),
            last_exit: ArcSwapOption::empty(),
            since: ArcSwap::from_pointee(Instant::now()),
        }
    }

    pub(crate) fn id(&self) -> &ActorId {
        self.port.id()
    }

    pub(crate) fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    pub(crate) fn lost(&self) -> u64 {
        self.port.lost()
    }

    pub(crate) fn set_state(&self, state: ActorState) {
        self.state.store(state as u8, Ordering::Release);
    }

    /// Records the birth of an incarnation.
    pub(crate) fn born(&self, incarnation: u64, now: Instant) {
        self.incarnation.store(incarnation, Ordering::Release);
        self.since.store(Arc::new(now));
        self.pulse.beat(now);
        self.set_state(ActorState::Starting);
    }

    /// Records how an incarnation ended.
    pub(crate) fn died(&self, reason: &ExitReason) {
        self.last_exit.store(Some(Arc::new(reason.clone())));
    }

    /// Counts a restart.
    pub(crate) fn restarted(&self, cause: RestartCause) {
        self.restarts[cause as usize].fetch_add(1, Ordering::Relaxed);
    }

    fn snapshot(&self, now: Instant) -> ActorSnapshot {
        let state = ActorState::from_u8(self.state.load(Ordering::Acquire));
        let alive = state.is_alive();
        let seconds_since = |then: Instant| now.saturating_duration_since(then).as_secs_f64();
        ActorSnapshot {
            id: self.id().clone(),
            parent: self.parent.clone(),
            kind: self.kind,
            state,
            incarnation: self.incarnation.load(Ordering::Acquire),
            restarts: RestartCounts::from_fn(|cause| self.restarts[cause as usize].load(Ordering::Relaxed)),
            last_exit: self.last_exit.load_full().map(|reason| ExitReason::clone(&reason)),
            mailbox_depth: self.port.depth(),
            lost_messages: self.port.lost(),
            heartbeat_age_seconds: alive.then(|| seconds_since(self.pulse.last())),
            uptime_seconds: alive.then(|| seconds_since(**self.since.load())),
        }
    }
}
