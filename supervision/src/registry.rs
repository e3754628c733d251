//! The actors of a tree, readable from any thread without asking an actor.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::time::Instant;

use super::heartbeat::LastHeartbeat;
use super::tree::{ActorSnapshot, ActorState, ChildKind, RestartCounts, TreeSnapshot};
use super::{ActorId, ExitReason, RestartCause};

/// An [`ActorRef`](super::ActorRef) without the type of its actor.
pub(crate) trait ErasedActorRef: Send + Sync {
    /// The name of the actor.
    fn id(&self) -> &ActorId;
    /// The number of accepted messages that wait to be handled.
    fn mailbox_depth(&self) -> usize;
    /// The number of accepted messages that were lost unhandled, over all incarnations.
    fn lost_messages(&self) -> u64;
    /// Injects a fault into the running incarnation; false if there is none.
    #[cfg(feature = "fault-injection")]
    fn inject(&self, fault: super::Fault) -> bool;
    /// Makes senders expect that the actor will be started.
    fn mark_expected(&self);
    /// Makes senders fail with `Stopped`: the actor will not be started again.
    fn mark_stopped(&self);
}

/// All children of one tree, in the order in which they were first started.
#[derive(Clone)]
pub(crate) struct Registry {
    entries: Arc<ArcSwap<Vec<Arc<RegistryEntry>>>>,
}

/// One child of the tree; survives its restarts and those of its supervisor.
pub(crate) struct RegistryEntry {
    parent: Option<ActorId>,
    kind: ChildKind,
    actor: Arc<dyn ErasedActorRef>,
    last_heartbeat: LastHeartbeat,
    state: AtomicU8,
    incarnation: AtomicU64,
    restarts: [AtomicU64; RestartCause::ALL.len()],
    last_exit: ArcSwapOption<ExitReason>,
    started_at: ArcSwap<Instant>,
}

// === impl Registry ===

impl Registry {
    pub(crate) fn new() -> Self {
        Self { entries: Arc::new(ArcSwap::from_pointee(Vec::new())) }
    }

    /// The entry of a child, created if it is new. `None` if another parent has a child of this
    /// name.
    pub(crate) fn register(
        &self,
        parent: Option<&ActorId>,
        kind: ChildKind,
        actor: Arc<dyn ErasedActorRef>,
    ) -> Option<Arc<RegistryEntry>> {
        actor.mark_expected();
        let new = Arc::new(RegistryEntry::new(parent.cloned(), kind, actor));
        self.entries.rcu(|entries| {
            let mut entries = Vec::clone(entries);
            if !entries.iter().any(|entry| entry.id() == new.id()) {
                entries.push(new.clone());
            }
            entries
        });
        self.find(new.id()).filter(|entry| entry.parent.as_ref() == parent)
    }

    /// Removes a child.
    pub(crate) fn unregister(&self, id: &ActorId) {
        self.entries
            .rcu(|entries| entries.iter().filter(|entry| entry.id() != id).cloned().collect::<Vec<_>>());
    }

    /// Removes the children of `parent` that are not among `specified`: the dynamic children of a
    /// supervisor that has been restarted.
    pub(crate) fn unregister_dynamic(&self, parent: &ActorId, specified: &[ActorId]) {
        let entries = self.entries.load();
        for entry in entries.iter().filter(|entry| entry.parent.as_ref() == Some(parent)) {
            if !specified.contains(entry.id()) {
                self.mark_stopped(entry.id());
                self.unregister(entry.id());
            }
        }
    }

    /// Makes senders to this actor, and to all below it, fail with `Stopped`.
    pub(crate) fn mark_stopped(&self, id: &ActorId) {
        let entries = self.entries.load();
        for entry in entries.iter().filter(|entry| entry.parent.as_ref() == Some(id)) {
            self.mark_stopped(entry.id());
        }
        if let Some(entry) = self.find(id) {
            entry.actor.mark_stopped();
        }
    }

    pub(crate) fn find(&self, id: &ActorId) -> Option<Arc<RegistryEntry>> {
        self.entries.load().iter().find(|entry| entry.id() == id).cloned()
    }

    #[cfg(feature = "fault-injection")]
    pub(crate) fn inject(&self, id: &ActorId, fault: super::Fault) -> Result<(), super::InjectError> {
        use super::InjectError;
        let entry = self.find(id).ok_or_else(|| InjectError::UnknownActor(id.to_string()))?;
        match entry.actor.inject(fault) {
            true => Ok(()),
            false => Err(InjectError::NotRunning(id.to_string())),
        }
    }

    pub(crate) fn snapshot(&self) -> TreeSnapshot {
        let now = Instant::now();
        TreeSnapshot { actors: self.entries.load().iter().map(|entry| entry.snapshot(now)).collect() }
    }
}

// === impl RegistryEntry ===

impl RegistryEntry {
    fn new(parent: Option<ActorId>, kind: ChildKind, actor: Arc<dyn ErasedActorRef>) -> Self {
        Self {
            parent,
            kind,
            actor,
            last_heartbeat: LastHeartbeat::new(),
            state: AtomicU8::new(ActorState::Starting as u8),
            incarnation: AtomicU64::new(0),
            restarts: Default::default(),
            last_exit: ArcSwapOption::empty(),
            started_at: ArcSwap::from_pointee(Instant::now()),
        }
    }

    pub(crate) fn id(&self) -> &ActorId {
        self.actor.id()
    }

    pub(crate) fn last_heartbeat(&self) -> &LastHeartbeat {
        &self.last_heartbeat
    }

    pub(crate) fn lost_messages(&self) -> u64 {
        self.actor.lost_messages()
    }

    pub(crate) fn set_state(&self, state: ActorState) {
        self.state.store(state as u8, Ordering::Release);
    }

    pub(crate) fn record_start(&self, incarnation: u64, now: Instant) {
        self.incarnation.store(incarnation, Ordering::Release);
        self.started_at.store(Arc::new(now));
        self.last_heartbeat.record(now);
        self.set_state(ActorState::Starting);
    }

    pub(crate) fn record_exit(&self, reason: &ExitReason) {
        self.last_exit.store(Some(Arc::new(reason.clone())));
    }

    pub(crate) fn record_restart(&self, cause: RestartCause) {
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
            mailbox_depth: self.actor.mailbox_depth(),
            lost_messages: self.actor.lost_messages(),
            heartbeat_age_seconds: alive.then(|| seconds_since(self.last_heartbeat.get())),
            uptime_seconds: alive.then(|| seconds_since(**self.started_at.load())),
        }
    }
}
