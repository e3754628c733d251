//! The children of one supervisor in flesh: does what the crew decides.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::child_spec::ChildSpec;
use super::crew::{Action, Closing, Crew, Death, Sequel};
use super::heartbeat::{Health, Vigil};
use super::launch::{Incarnation, LaunchOrder};
use super::registry::{Entry, Registry};
use super::starter::{Event, News};
use super::{ActorId, ExitReason, StartChildError, Strategy};

/// The children of one supervisor. Dropping it aborts them all.
pub(crate) struct Nursery {
    parent: Option<ActorId>,
    registry: Registry,
    events: mpsc::UnboundedSender<Event>,
    crew: Crew,
    children: HashMap<ActorId, Child>,
}

struct Child {
    spec: ChildSpec,
    entry: Arc<Entry>,
    incarnation: Option<Incarnation>,
    vigil: Vigil,
    lost_before: u64,
    mourners: Vec<oneshot::Sender<()>>,
}

// === impl Nursery ===

impl Nursery {
    pub(crate) fn new(
        parent: Option<ActorId>,
        strategy: Strategy,
        registry: Registry,
        events: mpsc::UnboundedSender<Event>,
    ) -> Self {
        let crew = Crew::new(strategy, rand::random::<f64>);
        Self { parent, registry, events, crew, children: HashMap::new() }
    }

    /// Adds a child after all others; it is started by the next [`advance`](Self::advance).
    pub(crate) fn add(&mut self, spec: ChildSpec, dynamic: bool) -> Result<(), StartChildError> {
        let id = spec.id();
        if self.crew.is_closing() {
            return Err(StartChildError::ShuttingDown);
        }
        let entry = match self.children.contains_key(&id) {
            true => None,
            false => self.registry.enter(self.parent.as_ref(), spec.kind, spec.port()),
        };
        let Some(entry) = entry else {
            return Err(StartChildError::DuplicateId(id.to_string()));
        };
        self.crew.add(id.clone(), spec.policy, dynamic);
        let child = Child {
            spec,
            lost_before: entry.lost(),
            entry,
            incarnation: None,
            vigil: Vigil::new(),
            mourners: Vec::new(),
        };
        self.children.insert(id, child);
        Ok(())
    }

    /// Stops a child for good; the receiver hears when it is down. `None` if there is none of this name.
    pub(crate) fn stop_child(&mut self, id: &ActorId) -> Option<oneshot::Receiver<()>> {
        let child = self.children.get_mut(id)?;
        let (gone, down) = oneshot::channel();
        child.mourners.push(gone);
        self.crew.dismiss(id);
        Some(down)
    }

    /// Stops all children for good.
    pub(crate) fn close(&mut self) {
        self.crew.close(Closing::Shutdown);
    }

    /// Bounds the orderly end of a child, even if it has begun.
    pub(crate) fn hurry(&mut self, id: &ActorId, limit: Duration, now: Instant) {
        self.crew.hurry(id, limit, now);
    }

    pub(crate) fn has_booted(&self) -> bool {
        self.crew.has_booted()
    }

    /// Why all children are down, once they are.
    pub(crate) fn is_over(&self) -> Option<&Closing> {
        self.crew.is_over()
    }

    /// Hears news of a child.
    pub(crate) fn hear(&mut self, event: Event, now: Instant) {
        let Event { child, incarnation, news } = event;
        match news {
            News::Ready => {
                if self.crew.ready(&child, incarnation, now) {
                    self.open(&child, now);
                }
            }
            News::GivesUp => self.condemn(&child, incarnation, ExitReason::Cancelled, now),
            News::Exited(reported) => {
                if let Some(death) = self.crew.exited(&child, incarnation, reported, now) {
                    self.bury(&child, &death, now);
                }
            }
        }
    }

    /// Does everything that is due.
    pub(crate) fn advance(&mut self, now: Instant) {
        while let Some(action) = self.crew.next(now) {
            self.perform(action, now);
        }
        self.watch_hearts(now);
        self.publish();
        self.forget();
    }

    /// When [`advance`](Self::advance) must be called even if there is no news.
    pub(crate) fn wake_at(&self, now: Instant) -> Option<Instant> {
        let check = self.crew.watched().filter_map(|(id, ..)| self.children[id].vigil.check_at()).min();
        [self.crew.wake_at(now), check].into_iter().flatten().min()
    }

    fn open(&mut self, id: &ActorId, now: Instant) {
        if let Some(child) = self.children.get_mut(id) {
            child.entry.pulse().beat(now);
            child.vigil = Vigil::new();
            if let Some(incarnation) = &child.incarnation {
                incarnation.line.open();
            }
        }
    }

    fn condemn(&mut self, id: &ActorId, incarnation: u64, cause: ExitReason, now: Instant) {
        if self.crew.condemn(id, incarnation, cause, now) {
            self.kill(id);
        }
    }

    fn kill(&mut self, id: &ActorId) {
        if let Some(incarnation) = self.children.get_mut(id).and_then(|child| child.incarnation.as_mut()) {
            incarnation.line.close();
            incarnation.kill();
        }
    }

    fn perform(&mut self, action: Action, now: Instant) {
        match action {
            Action::Start(id) => self.start(&id, now),
            Action::Kill(id) => self.kill(&id),
            Action::Finish(id) => {
                if let Some(incarnation) = &self.children[&id].incarnation {
                    incarnation.line.close();
                    incarnation.line.finish();
                }
            }
        }
    }

    fn start(&mut self, id: &ActorId, now: Instant) {
        let Some(child) = self.children.get_mut(id) else {
            return;
        };
        let order = LaunchOrder {
            entry: child.entry.clone(),
            registry: self.registry.clone(),
            events: self.events.clone(),
            berth: child.spec.berth,
        };
        let incarnation = child.spec.launch.launch(order);
        child.entry.born(incarnation.number, now);
        child.vigil = Vigil::new();
        self.crew.launched(id, incarnation.number);
        child.incarnation = Some(incarnation);
    }

    /// Writes down a death, and reports it.
    fn bury(&mut self, id: &ActorId, death: &Death, now: Instant) {
        let Some(child) = self.children.get_mut(id) else {
            return;
        };
        if let Some(incarnation) = child.incarnation.take() {
            incarnation.line.close();
        }
        let lost = child.entry.lost() - child.lost_before;
        child.lost_before = child.entry.lost();
        child.entry.died(&death.reason);
        match death.sequel {
            Sequel::Restarts(at) => {
                let cause = death.reason.cause();
                child.entry.restarted(cause);
                let delay_ms = at.saturating_duration_since(now).as_millis() as u64;
                tracing::warn!(actor = %id, reason = %death.reason, %cause, delay_ms, lost_messages = lost, "restarting");
            }
            // A shutdown ends every actor: that each of them did is worth a line only to whoever looks closely.
            Sequel::Stays if death.reason == ExitReason::Shutdown => {
                tracing::debug!(actor = %id, reason = %death.reason, lost_messages = lost, "ended")
            }
            Sequel::Stays => {
                tracing::info!(actor = %id, reason = %death.reason, lost_messages = lost, "ended")
            }
            Sequel::Escalates => {
                tracing::error!(actor = %id, reason = %death.reason, lost_messages = lost, "escalating");
            }
        }
    }

    /// Condemns the children whose heart stands still.
    fn watch_hearts(&mut self, now: Instant) {
        let mut silent = Vec::new();
        for (id, incarnation, heartbeat) in self.crew.watched() {
            let Some(child) = self.children.get_mut(id) else {
                continue;
            };
            let last = child.entry.pulse().last();
            if let Health::Dead { silent_ms } = child.vigil.check(&heartbeat, last, now) {
                silent.push((id.clone(), incarnation, silent_ms));
            }
        }
        for (id, incarnation, silent_ms) in silent {
            self.condemn(&id, incarnation, ExitReason::Hung { silent_ms }, now);
        }
    }

    fn publish(&self) {
        for (id, state) in self.crew.states() {
            if let Some(child) = self.children.get(id) {
                child.entry.set_state(state);
            }
        }
    }

    /// Lets go of the children that have ended for good.
    fn forget(&mut self) {
        let ended = self.crew.states().filter(|(_, state)| state.is_final()).map(|(id, _)| id.clone());
        for id in ended.collect::<Vec<_>>() {
            // Children that go down with their supervisor may come back with it: that is for its parent to say.
            if !self.crew.is_closing() {
                self.registry.retire(&id);
            }
            if let Some(child) = self.children.get_mut(&id) {
                child.mourners.clear();
            }
        }
        for id in self.crew.bury() {
            self.children.remove(&id);
            self.registry.leave(&id);
        }
    }
}
