//! The decisions of a supervisor: a state machine without clock, randomness, tasks or actors.

mod child_record;

use std::time::Duration;

use tokio::time::Instant;

use super::child_spec::{ChildPolicy, Shutdown};
use super::{ActorId, ActorState, ExitReason, Heartbeat, Strategy};
use child_record::{ChildPhase, ChildRecord, Goal};

/// How long an aborted child may take to end before the abort is retried once and then counts as
/// failed. The retry covers a supervisor that was blocked itself, so that the abort has not taken
/// effect yet.
pub(crate) const ABORT_TIMEOUT: Duration = Duration::from_secs(1);

/// The state of all children of one supervisor. The supervisor reports what happened and then
/// performs the actions that [`next`](Self::next) returns until it returns none.
pub(crate) struct SupervisorState {
    strategy: Strategy,
    records: Vec<ChildRecord>,
    booted: bool,
    termination: Option<Termination>,
    random: fn() -> f64,
}

/// Why a supervisor stops all its children.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Termination {
    /// A shutdown was requested.
    Shutdown,
    /// This child exceeded its restart intensity, or cannot be aborted.
    Escalation { child: ActorId, reason: ExitReason },
}

/// What the supervisor has to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Start an incarnation and report its number.
    Start(ActorId),
    /// Ask the incarnation to stop in an orderly way.
    Stop(ActorId),
    /// Abort the incarnation.
    Abort(ActorId),
}

/// The reason of an exit, and its consequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExitOutcome {
    pub(crate) reason: ExitReason,
    pub(crate) consequence: Consequence,
}

/// What happens to a child after its exit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consequence {
    /// It is restarted, not before this instant.
    RestartsAt(Instant),
    /// It stays down.
    StaysDown,
    /// It stays down, and its supervisor escalates.
    Escalates,
}

// === impl SupervisorState ===

impl SupervisorState {
    /// A supervisor without children; `random` returns uniform values in `0.0..1.0`.
    pub(crate) fn new(strategy: Strategy, random: fn() -> f64) -> Self {
        Self { strategy, records: Vec::new(), booted: false, termination: None, random }
    }

    /// Adds a child after all others. Only a `dynamic` one is removed when it has ended for good.
    pub(crate) fn add(&mut self, id: ActorId, policy: ChildPolicy, dynamic: bool) {
        self.records.push(ChildRecord::new(id, policy, dynamic));
    }

    /// Whether all children have been running, or ended for good, at the same time at least once.
    pub(crate) fn has_booted(&self) -> bool {
        self.booted
    }

    /// Why the supervisor terminates, once no child is alive.
    pub(crate) fn terminated(&self) -> Option<&Termination> {
        self.termination.as_ref().filter(|_| !self.records.iter().any(ChildRecord::is_alive))
    }

    pub(crate) fn is_terminating(&self) -> bool {
        self.termination.is_some()
    }

    /// Stops all children for good. The first cause wins.
    pub(crate) fn terminate(&mut self, cause: Termination) {
        self.termination.get_or_insert(cause);
        for record in &mut self.records {
            record.stop_for_good();
        }
    }

    /// Stops one child for good. False if there is no such child.
    pub(crate) fn stop_child(&mut self, id: &ActorId) -> bool {
        self.record(id).map(ChildRecord::stop_for_good).is_some()
    }

    /// Limits the duration of an orderly stop, counted from `now`, even if the stop has begun.
    pub(crate) fn limit_shutdown(&mut self, id: &ActorId, limit: Duration, now: Instant) {
        if let Some(record) = self.record(id) {
            record.limit_shutdown(limit, now);
        }
    }

    /// Removes the dynamic children that have ended for good, and returns their names.
    pub(crate) fn remove_ended(&mut self) -> Vec<ActorId> {
        let ended = self.records.extract_if(.., |record| record.is_removable());
        ended.map(|record| record.id).collect()
    }

    /// Records the number of the incarnation that [`Action::Start`] has started.
    pub(crate) fn launched(&mut self, id: &ActorId, incarnation: u64) {
        if let Some(record) = self.record(id) {
            record.incarnation = incarnation;
        }
    }

    /// Records that an incarnation is ready. True if it is the current one and may receive
    /// messages.
    pub(crate) fn ready(&mut self, id: &ActorId, incarnation: u64, now: Instant) -> bool {
        let Some(record) = self.live_record(id, incarnation) else {
            return false;
        };
        if !matches!(record.phase, ChildPhase::Starting { .. }) {
            return false;
        }
        record.phase = ChildPhase::Running;
        record.ready_since = Some(now);
        record.goal == Goal::Run
    }

    /// Records that an incarnation must be aborted, because it hangs or failed. True if it is the
    /// current one and not being aborted already.
    pub(crate) fn abort(&mut self, id: &ActorId, incarnation: u64, cause: ExitReason, now: Instant) -> bool {
        let Some(record) = self.live_record(id, incarnation) else {
            return false;
        };
        if matches!(record.phase, ChildPhase::Aborting { .. }) {
            return false;
        }
        record.phase = ChildPhase::aborting(cause, now);
        true
    }

    /// Handles the exit of an incarnation. `None` if the report is stale: the incarnation is not
    /// the current one.
    pub(crate) fn exited(
        &mut self,
        id: &ActorId,
        incarnation: u64,
        reported: ExitReason,
        now: Instant,
    ) -> Option<ExitOutcome> {
        let random = self.random;
        let record = self.live_record(id, incarnation)?;
        let reason = record.exit_reason(reported);
        let consequence = match record.goal {
            Goal::Stop => record.stay_down(&reason),
            Goal::Restart => record.restart_at(now),
            Goal::Run => record.handle_unexpected_exit(&reason, now, random),
        };
        let unexpected = record.goal == Goal::Run;
        record.ready_since = None;
        if matches!(record.phase, ChildPhase::Waiting { .. }) {
            record.goal = Goal::Run;
        }
        match consequence {
            Consequence::Escalates => {
                self.terminate(Termination::Escalation { child: id.clone(), reason: reason.clone() })
            }
            Consequence::RestartsAt(_) if unexpected => self.restart_siblings(id),
            _ => {}
        }
        Some(ExitOutcome { reason, consequence })
    }

    /// The next action that is due; call until `None`.
    pub(crate) fn next(&mut self, now: Instant) -> Option<Action> {
        let action = self.next_overdue(now).or_else(|| self.next_stop(now)).or_else(|| self.next_start(now));
        self.booted |= self.records.iter().all(ChildRecord::is_settled);
        action
    }

    /// When [`next`](Self::next) may return an action even if nothing happens before. An action
    /// that is due already but waits for a sibling is triggered by an event of that sibling, not by
    /// time.
    pub(crate) fn wake_at(&self, now: Instant) -> Option<Instant> {
        self.records.iter().filter_map(ChildRecord::wake_at).filter(|&at| at > now).min()
    }

    /// The children whose heartbeat counts: those that run, and those whose start or stop has no
    /// deadline.
    pub(crate) fn monitored(&self) -> impl Iterator<Item = (&ActorId, u64, Heartbeat)> {
        self.records.iter().filter(|record| record.is_monitored()).filter_map(|record| {
            record.policy.heartbeat.map(|heartbeat| (&record.id, record.incarnation, heartbeat))
        })
    }

    /// The state of each child, as shown in the tree.
    pub(crate) fn states(&self) -> impl Iterator<Item = (&ActorId, ActorState)> {
        self.records.iter().map(|record| (&record.id, record.actor_state()))
    }

    fn record(&mut self, id: &ActorId) -> Option<&mut ChildRecord> {
        self.records.iter_mut().find(|record| record.id == *id)
    }

    fn live_record(&mut self, id: &ActorId, incarnation: u64) -> Option<&mut ChildRecord> {
        self.record(id).filter(|record| record.incarnation == incarnation && record.is_alive())
    }

    /// Marks the siblings that the strategy restarts together with `exited`.
    fn restart_siblings(&mut self, exited: &ActorId) {
        let Some(position) = self.records.iter().position(|record| record.id == *exited) else {
            return;
        };
        let siblings = match self.strategy {
            Strategy::OneForOne => return,
            Strategy::RestForOne => &mut self.records[position..],
            Strategy::OneForAll => &mut self.records[..],
        };
        for sibling in siblings.iter_mut().filter(|sibling| sibling.is_alive() && sibling.goal == Goal::Run) {
            sibling.goal = Goal::Restart;
        }
    }

    /// Handles deadlines that have passed.
    fn next_overdue(&mut self, now: Instant) -> Option<Action> {
        let overdue = self.records.iter_mut().find(|record| record.deadline().is_some_and(|at| at <= now))?;
        let cause = match &mut overdue.phase {
            ChildPhase::Starting { .. } => ExitReason::StartTimedOut,
            ChildPhase::Stopping { .. } => ExitReason::Killed,
            ChildPhase::Aborting { deadline, extended, .. } if !*extended => {
                (*deadline, *extended) = (now + ABORT_TIMEOUT, true);
                return self.next_overdue(now);
            }
            _ => {
                overdue.phase = ChildPhase::Ended { failed: true };
                let child = overdue.id.clone();
                self.terminate(Termination::Escalation { child, reason: ExitReason::Unkillable });
                return self.next_overdue(now);
            }
        };
        overdue.phase = ChildPhase::aborting(cause, now);
        Some(Action::Abort(overdue.id.clone()))
    }

    /// Dynamic children stop together; the others then stop one by one, the last started first.
    fn next_stop(&mut self, now: Instant) -> Option<Action> {
        let mut waits_for_dynamic = false;
        for record in self.records.iter_mut().rev().filter(|record| record.has_to_stop()) {
            match (record.dynamic, record.is_stopping()) {
                (true, true) => waits_for_dynamic = true,
                (true, false) => return Some(record.stop(now)),
                (false, is_stopping) => {
                    return (!is_stopping && !waits_for_dynamic).then(|| record.stop(now));
                }
            }
        }
        None
    }

    fn next_start(&mut self, now: Instant) -> Option<Action> {
        if self.is_terminating() {
            return None;
        }
        let ordered = self.strategy != Strategy::OneForOne || !self.booted;
        if ordered && self.records.iter().any(ChildRecord::has_to_stop) {
            return None;
        }
        for record in &mut self.records {
            if record.is_startable(now) {
                return Some(record.start(now));
            }
            if ordered && !record.is_settled() {
                return None;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
