//! The running children of one supervisor: performs what the supervisor state decides.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::child_spec::ChildSpec;
use super::heartbeat::{HeartbeatMonitor, HeartbeatVerdict};
use super::launcher::{Incarnation, LaunchContext};
use super::registry::{Registry, RegistryEntry};
use super::starter::{ChildEvent, ChildEventKind};
use super::supervisor_state::{Action, Consequence, ExitOutcome, SupervisorState, Termination};
use super::{ActorId, ExitReason, StartChildError, Strategy};

/// The children of one supervisor. Dropping it aborts them all.
pub(crate) struct Children {
    parent: Option<ActorId>,
    registry: Registry,
    events: mpsc::UnboundedSender<ChildEvent>,
    state: SupervisorState,
    by_id: HashMap<ActorId, Child>,
}

struct Child {
    spec: ChildSpec,
    entry: Arc<RegistryEntry>,
    incarnation: Option<Incarnation>,
    monitor: HeartbeatMonitor,
    /// Lost messages that earlier exits have reported.
    lost_before: u64,
    /// Dropped, and thereby notified, when the child is down for good.
    stop_waiters: Vec<oneshot::Sender<()>>,
}

// === impl Children ===

impl Children {
    pub(crate) fn new(
        parent: Option<ActorId>,
        strategy: Strategy,
        registry: Registry,
        events: mpsc::UnboundedSender<ChildEvent>,
    ) -> Self {
        let state = SupervisorState::new(strategy, rand::random::<f64>);
        Self { parent, registry, events, state, by_id: HashMap::new() }
    }

    /// Adds a child after all others; it is started by the next [`advance`](Self::advance).
    pub(crate) fn add(&mut self, spec: ChildSpec, dynamic: bool) -> Result<(), StartChildError> {
        let id = spec.id();
        if self.state.is_terminating() {
            return Err(StartChildError::ShuttingDown);
        }
        let entry = match self.by_id.contains_key(&id) {
            true => None,
            false => self.registry.register(self.parent.as_ref(), spec.kind, spec.actor_ref()),
        };
        let Some(entry) = entry else {
            return Err(StartChildError::DuplicateId(id.to_string()));
        };
        self.state.add(id.clone(), spec.policy, dynamic);
        let child = Child {
            spec,
            lost_before: entry.lost_messages(),
            entry,
            incarnation: None,
            monitor: HeartbeatMonitor::new(),
            stop_waiters: Vec::new(),
        };
        self.by_id.insert(id, child);
        Ok(())
    }

    /// Stops a child for good; the sender of the returned channel is dropped when the child is
    /// down. `None` if there is no such child.
    pub(crate) fn stop_child(&mut self, id: &ActorId) -> Option<oneshot::Receiver<()>> {
        let child = self.by_id.get_mut(id)?;
        let (waiter, down) = oneshot::channel();
        child.stop_waiters.push(waiter);
        self.state.stop_child(id);
        Some(down)
    }

    /// Stops all children for good.
    pub(crate) fn shut_down(&mut self) {
        self.state.terminate(Termination::Shutdown);
    }

    /// Limits the duration of an orderly stop, counted from `now`, even if the stop has begun.
    pub(crate) fn limit_shutdown(&mut self, id: &ActorId, limit: Duration, now: Instant) {
        self.state.limit_shutdown(id, limit, now);
    }

    pub(crate) fn has_booted(&self) -> bool {
        self.state.has_booted()
    }

    /// Why all children are down, once they are.
    pub(crate) fn terminated(&self) -> Option<&Termination> {
        self.state.terminated()
    }

    pub(crate) fn handle_event(&mut self, event: ChildEvent, now: Instant) {
        let ChildEvent { child, incarnation, kind } = event;
        match kind {
            ChildEventKind::Ready => {
                if self.state.ready(&child, incarnation, now) {
                    self.open(&child, now);
                }
            }
            ChildEventKind::AbortRequested => self.abort(&child, incarnation, ExitReason::Cancelled, now),
            ChildEventKind::Exited(reported) => {
                if let Some(outcome) = self.state.exited(&child, incarnation, reported, now) {
                    self.record_exit(&child, &outcome, now);
                }
            }
        }
    }

    /// Performs everything that is due.
    pub(crate) fn advance(&mut self, now: Instant) {
        while let Some(action) = self.state.next(now) {
            self.perform(action, now);
        }
        self.check_heartbeats(now);
        self.publish_states();
        self.release_ended();
    }

    /// When [`advance`](Self::advance) must be called even if no event arrives.
    pub(crate) fn wake_at(&self, now: Instant) -> Option<Instant> {
        let check = self.state.monitored().filter_map(|(id, ..)| self.by_id[id].monitor.check_at()).min();
        [self.state.wake_at(now), check].into_iter().flatten().min()
    }

    fn open(&mut self, id: &ActorId, now: Instant) {
        if let Some(child) = self.by_id.get_mut(id) {
            child.entry.last_heartbeat().record(now);
            child.monitor = HeartbeatMonitor::new();
            if let Some(incarnation) = &child.incarnation {
                incarnation.control.open();
            }
        }
    }

    fn abort(&mut self, id: &ActorId, incarnation: u64, cause: ExitReason, now: Instant) {
        if self.state.abort(id, incarnation, cause, now) {
            self.abort_task(id);
        }
    }

    fn abort_task(&mut self, id: &ActorId) {
        if let Some(incarnation) = self.by_id.get_mut(id).and_then(|child| child.incarnation.as_mut()) {
            incarnation.control.close();
            incarnation.abort();
        }
    }

    fn perform(&mut self, action: Action, now: Instant) {
        match action {
            Action::Start(id) => self.start(&id, now),
            Action::Abort(id) => self.abort_task(&id),
            Action::Stop(id) => {
                if let Some(incarnation) = &self.by_id[&id].incarnation {
                    incarnation.control.close();
                    incarnation.control.stop();
                }
            }
        }
    }

    fn start(&mut self, id: &ActorId, now: Instant) {
        let Some(child) = self.by_id.get_mut(id) else {
            return;
        };
        let context = LaunchContext {
            entry: child.entry.clone(),
            registry: self.registry.clone(),
            events: self.events.clone(),
            run_options: child.spec.run_options,
        };
        let incarnation = child.spec.launcher.launch(context);
        child.entry.record_start(incarnation.number, now);
        child.monitor = HeartbeatMonitor::new();
        self.state.launched(id, incarnation.number);
        child.incarnation = Some(incarnation);
    }

    /// Records an exit in the tree and logs it.
    fn record_exit(&mut self, id: &ActorId, outcome: &ExitOutcome, now: Instant) {
        let Some(child) = self.by_id.get_mut(id) else {
            return;
        };
        if let Some(incarnation) = child.incarnation.take() {
            incarnation.control.close();
        }
        let lost = child.entry.lost_messages() - child.lost_before;
        child.lost_before = child.entry.lost_messages();
        child.entry.record_exit(&outcome.reason);
        if let Consequence::RestartsAt(_) = outcome.consequence {
            child.entry.record_restart(outcome.reason.cause());
        }
        log_exit(id, outcome, lost, now);
    }

    /// Aborts the children that have been silent for too long.
    fn check_heartbeats(&mut self, now: Instant) {
        let mut silent = Vec::new();
        for (id, incarnation, heartbeat) in self.state.monitored() {
            let Some(child) = self.by_id.get_mut(id) else {
                continue;
            };
            let last = child.entry.last_heartbeat().get();
            if let HeartbeatVerdict::Hung { silent_ms } = child.monitor.check(&heartbeat, last, now) {
                silent.push((id.clone(), incarnation, silent_ms));
            }
        }
        for (id, incarnation, silent_ms) in silent {
            self.abort(&id, incarnation, ExitReason::Hung { silent_ms }, now);
        }
    }

    fn publish_states(&self) {
        for (id, state) in self.state.states() {
            if let Some(child) = self.by_id.get(id) {
                child.entry.set_state(state);
            }
        }
    }

    /// Notifies those who wait for children that have ended for good, and removes the dynamic ones.
    fn release_ended(&mut self) {
        let ended = self.state.states().filter(|(_, state)| state.is_final()).map(|(id, _)| id.clone());
        for id in ended.collect::<Vec<_>>() {
            // Children that stop with their supervisor may come back with it; its parent decides
            // that.
            if !self.state.is_terminating() {
                self.registry.mark_stopped(&id);
            }
            if let Some(child) = self.by_id.get_mut(&id) {
                child.stop_waiters.clear();
            }
        }
        for id in self.state.remove_ended() {
            self.by_id.remove(&id);
            self.registry.unregister(&id);
        }
    }
}

fn log_exit(id: &ActorId, outcome: &ExitOutcome, lost_messages: u64, now: Instant) {
    let reason = &outcome.reason;
    match outcome.consequence {
        Consequence::RestartsAt(at) => {
            let cause = reason.cause();
            let delay_ms = at.saturating_duration_since(now).as_millis() as u64;
            tracing::warn!(actor = %id, %reason, %cause, delay_ms, lost_messages, "restarting");
        }
        // A shutdown ends every actor; one line for each is noise above the debug level.
        Consequence::StaysDown if *reason == ExitReason::Shutdown => {
            tracing::debug!(actor = %id, %reason, lost_messages, "ended")
        }
        Consequence::StaysDown => tracing::info!(actor = %id, %reason, lost_messages, "ended"),
        Consequence::Escalates => tracing::error!(actor = %id, %reason, lost_messages, "escalating"),
    }
}
