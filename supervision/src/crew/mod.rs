//! What a supervisor decides: a state machine without clock, chance, tasks or actors.

use std::time::Duration;

use tokio::time::Instant;

use super::backoff::BackoffState;
use super::child_spec::{Policy, Shutdown};
use super::{ActorId, ActorState, ExitReason, Heartbeat, RestartWindow, Strategy};

/// How long an aborted child may take to end, twice over, before it counts as unkillable: the second time is for a
/// supervisor that was blocked itself and has not yet let the abort take effect.
pub(crate) const ABORT_TIMEOUT: Duration = Duration::from_secs(1);

/// The children of one supervisor, and what shall become of them. The supervisor reports what happened and then does
/// what [`next`](Self::next) says until it says nothing more.
pub(crate) struct Crew {
    strategy: Strategy,
    members: Vec<Member>,
    booted: bool,
    closing: Option<Closing>,
    chance: fn() -> f64,
}

/// Why the whole crew goes down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Closing {
    /// Somebody asked for it.
    Shutdown,
    /// This child died too often, or cannot be killed.
    Escalation { child: ActorId, reason: ExitReason },
}

/// What the supervisor has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Start an incarnation and report its number.
    Start(ActorId),
    /// Ask the incarnation to finish.
    Finish(ActorId),
    /// Abort the incarnation.
    Kill(ActorId),
}

/// A death, and what follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Death {
    pub(crate) reason: ExitReason,
    pub(crate) sequel: Sequel,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sequel {
    /// It lives again, not before this moment.
    Restarts(Instant),
    /// It stays down.
    Stays,
    /// It stays down and takes the supervisor with it.
    Escalates,
}

struct Member {
    id: ActorId,
    policy: Policy,
    dynamic: bool,
    incarnation: u64,
    state: State,
    want: Want,
    ready_since: Option<Instant>,
    window: RestartWindow,
    backoff: BackoffState,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Idle { not_before: Option<Instant> },
    Starting { deadline: Option<Instant> },
    Running,
    Stopping { deadline: Option<Instant> },
    Killing { deadline: Instant, cause: ExitReason, reprieved: bool },
    Done { failed: bool },
}

/// What shall become of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    /// Live, or live again.
    Up,
    /// End in an orderly way, then live again.
    Cycle,
    /// End for good.
    Gone,
}

// === impl Crew ===

impl Crew {
    pub(crate) fn new(strategy: Strategy, chance: fn() -> f64) -> Self {
        Self { strategy, members: Vec::new(), booted: false, closing: None, chance }
    }

    /// Adds a member after all others. Only a `dynamic` one is forgotten when it has ended for good.
    pub(crate) fn add(&mut self, id: ActorId, policy: Policy, dynamic: bool) {
        self.members.push(Member::new(id, policy, dynamic));
    }

    /// Whether every member runs, or has ended for good, since the start of the crew.
    pub(crate) fn has_booted(&self) -> bool {
        self.booted
    }

    /// Why the crew is closed, once nobody is left alive.
    pub(crate) fn is_over(&self) -> Option<&Closing> {
        self.closing.as_ref().filter(|_| !self.members.iter().any(Member::is_alive))
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    /// All members go down for good.
    pub(crate) fn close(&mut self, why: Closing) {
        self.closing.get_or_insert(why);
        for member in &mut self.members {
            member.dismiss();
        }
    }

    /// One member goes down for good. False if there is none of this name.
    pub(crate) fn dismiss(&mut self, id: &ActorId) -> bool {
        self.member(id).map(Member::dismiss).is_some()
    }

    /// Bounds the orderly end of a member, even if it has begun; counts from `now`.
    pub(crate) fn hurry(&mut self, id: &ActorId, limit: Duration, now: Instant) {
        let Some(member) = self.member(id) else {
            return;
        };
        member.policy.shutdown = Shutdown::Timeout(limit);
        if matches!(member.state, State::Stopping { .. }) {
            member.state = State::Stopping { deadline: Some(now + limit) };
        }
    }

    /// Forgets the dynamic members that have ended for good, and names them.
    pub(crate) fn bury(&mut self) -> Vec<ActorId> {
        let ended = self
            .members
            .extract_if(.., |member| member.dynamic && matches!(member.state, State::Done { .. }));
        ended.map(|member| member.id).collect()
    }

    /// The member whose start was ordered has this incarnation.
    pub(crate) fn launched(&mut self, id: &ActorId, incarnation: u64) {
        if let Some(member) = self.member(id) {
            member.incarnation = incarnation;
        }
    }

    /// An incarnation is ready. True if it is the living one and shall get messages.
    pub(crate) fn ready(&mut self, id: &ActorId, incarnation: u64, now: Instant) -> bool {
        let Some(member) = self.living(id, incarnation) else {
            return false;
        };
        if !matches!(member.state, State::Starting { .. }) {
            return false;
        }
        member.state = State::Running;
        member.ready_since = Some(now);
        member.want == Want::Up
    }

    /// An incarnation must be aborted: it hung, or gave up. True if it is the living one and not on its way out.
    pub(crate) fn condemn(
        &mut self,
        id: &ActorId,
        incarnation: u64,
        cause: ExitReason,
        now: Instant,
    ) -> bool {
        let Some(member) = self.living(id, incarnation) else {
            return false;
        };
        if matches!(member.state, State::Killing { .. }) {
            return false;
        }
        member.state = State::killing(cause, now);
        true
    }

    /// An incarnation has ended. `None` if it is not the living one: a stale report.
    pub(crate) fn exited(
        &mut self,
        id: &ActorId,
        incarnation: u64,
        reported: ExitReason,
        now: Instant,
    ) -> Option<Death> {
        let chance = self.chance;
        let member = self.living(id, incarnation)?;
        let reason = member.conclude(reported);
        let sequel = match member.want {
            Want::Gone => member.rest(&reason),
            Want::Cycle => member.revive(now),
            Want::Up => member.judge(&reason, now, chance),
        };
        let affected = member.want == Want::Up;
        member.ready_since = None;
        if matches!(member.state, State::Idle { .. }) {
            member.want = Want::Up;
        }
        match sequel {
            Sequel::Escalates => {
                self.close(Closing::Escalation { child: id.clone(), reason: reason.clone() })
            }
            Sequel::Restarts(_) if affected => self.cycle_siblings(id),
            _ => {}
        }
        Some(Death { reason, sequel })
    }

    /// What is to be done now; call until `None`.
    pub(crate) fn next(&mut self, now: Instant) -> Option<Action> {
        let action = self.next_overdue(now).or_else(|| self.next_stop(now)).or_else(|| self.next_start(now));
        self.booted |= self.members.iter().all(Member::is_settled);
        action
    }

    /// When [`next`](Self::next) may have something to say even if nothing happens before. What is due already but
    /// still waits for a sibling is woken by news of that sibling, not by time.
    pub(crate) fn wake_at(&self, now: Instant) -> Option<Instant> {
        self.members.iter().filter_map(Member::wake_at).filter(|&at| at > now).min()
    }

    /// The members whose heart must beat: those that run, and those whose start or end no other deadline bounds.
    pub(crate) fn watched(&self) -> impl Iterator<Item = (&ActorId, u64, Heartbeat)> {
        self.members.iter().filter(|member| member.is_watched()).filter_map(|member| {
            member.policy.heartbeat.map(|heartbeat| (&member.id, member.incarnation, heartbeat))
        })
    }

    /// What every member is doing.
    pub(crate) fn states(&self) -> impl Iterator<Item = (&ActorId, ActorState)> {
        self.members.iter().map(|member| (&member.id, member.shown_state()))
    }

    fn member(&mut self, id: &ActorId) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.id == *id)
    }

    fn living(&mut self, id: &ActorId, incarnation: u64) -> Option<&mut Member> {
        self.member(id).filter(|member| member.incarnation == incarnation && member.is_alive())
    }

    /// After a death the strategy takes some of the survivors down, to start them again.
    fn cycle_siblings(&mut self, dead: &ActorId) {
        let Some(position) = self.members.iter().position(|member| member.id == *dead) else {
            return;
        };
        let siblings = match self.strategy {
            Strategy::OneForOne => return,
            Strategy::RestForOne => &mut self.members[position..],
            Strategy::OneForAll => &mut self.members[..],
        };
        for sibling in siblings.iter_mut().filter(|sibling| sibling.is_alive() && sibling.want == Want::Up) {
            sibling.want = Want::Cycle;
        }
    }

    /// Deadlines that have passed.
    fn next_overdue(&mut self, now: Instant) -> Option<Action> {
        let overdue = self.members.iter_mut().find(|member| member.deadline().is_some_and(|at| at <= now))?;
        let cause = match &mut overdue.state {
            State::Starting { .. } => ExitReason::StartTimedOut,
            State::Stopping { .. } => ExitReason::Killed,
            State::Killing { deadline, reprieved, .. } if !*reprieved => {
                (*deadline, *reprieved) = (now + ABORT_TIMEOUT, true);
                return self.next_overdue(now);
            }
            _ => {
                overdue.state = State::Done { failed: true };
                let child = overdue.id.clone();
                self.close(Closing::Escalation { child, reason: ExitReason::Unkillable });
                return self.next_overdue(now);
            }
        };
        overdue.state = State::killing(cause, now);
        Some(Action::Kill(overdue.id.clone()))
    }

    /// Dynamic children stop together, then the others one by one, the last started first.
    fn next_stop(&mut self, now: Instant) -> Option<Action> {
        let mut waits_for_dynamic = false;
        for member in self.members.iter_mut().rev().filter(|member| member.is_leaving()) {
            match (member.dynamic, member.is_on_its_way_out()) {
                (true, true) => waits_for_dynamic = true,
                (true, false) => return Some(member.stop(now)),
                (false, on_its_way_out) => {
                    return (!on_its_way_out && !waits_for_dynamic).then(|| member.stop(now));
                }
            }
        }
        None
    }

    fn next_start(&mut self, now: Instant) -> Option<Action> {
        if self.closing.is_some() {
            return None;
        }
        let ordered = self.strategy != Strategy::OneForOne || !self.booted;
        if ordered && self.members.iter().any(Member::is_leaving) {
            return None;
        }
        for member in &mut self.members {
            if member.is_startable(now) {
                return Some(member.start(now));
            }
            if ordered && !member.is_settled() {
                return None;
            }
        }
        None
    }
}

// === impl State ===

impl State {
    fn killing(cause: ExitReason, now: Instant) -> Self {
        Self::Killing { deadline: now + ABORT_TIMEOUT, cause, reprieved: false }
    }
}

// === impl Member ===

impl Member {
    fn new(id: ActorId, policy: Policy, dynamic: bool) -> Self {
        Self {
            id,
            policy,
            dynamic,
            incarnation: 0,
            state: State::Idle { not_before: None },
            want: Want::Up,
            ready_since: None,
            window: RestartWindow::new(policy.intensity),
            backoff: BackoffState::new(policy.backoff),
        }
    }

    fn is_alive(&self) -> bool {
        !matches!(self.state, State::Idle { .. } | State::Done { .. })
    }

    fn is_settled(&self) -> bool {
        matches!(self.state, State::Running | State::Done { .. })
    }

    fn is_leaving(&self) -> bool {
        self.is_alive() && self.want != Want::Up
    }

    fn is_on_its_way_out(&self) -> bool {
        matches!(self.state, State::Stopping { .. } | State::Killing { .. })
    }

    fn is_watched(&self) -> bool {
        matches!(
            self.state,
            State::Running | State::Starting { deadline: None } | State::Stopping { deadline: None }
        )
    }

    fn is_startable(&self, now: Instant) -> bool {
        matches!(self.state, State::Idle { not_before } if not_before.is_none_or(|at| at <= now))
    }

    fn start(&mut self, now: Instant) -> Action {
        self.state = State::Starting { deadline: self.policy.start_timeout.map(|timeout| now + timeout) };
        Action::Start(self.id.clone())
    }

    fn stop(&mut self, now: Instant) -> Action {
        let deadline = match self.policy.shutdown {
            Shutdown::Brutal => {
                self.state = State::killing(ExitReason::Shutdown, now);
                return Action::Kill(self.id.clone());
            }
            Shutdown::Timeout(timeout) => Some(now + timeout),
            Shutdown::Infinity => None,
        };
        self.state = State::Stopping { deadline };
        Action::Finish(self.id.clone())
    }

    fn dismiss(&mut self) {
        self.want = Want::Gone;
        if matches!(self.state, State::Idle { .. }) {
            self.state = State::Done { failed: false };
        }
    }

    /// Why it really ended, given what its task reports and what was done to it.
    fn conclude(&self, reported: ExitReason) -> ExitReason {
        match (&self.state, reported) {
            (State::Killing { cause, .. }, ExitReason::Cancelled | ExitReason::Normal) => cause.clone(),
            (State::Stopping { .. }, ExitReason::Normal) => ExitReason::Shutdown,
            (State::Starting { .. }, ExitReason::Normal) => {
                ExitReason::StartFailed { message: "stopped before it was ready".to_owned() }
            }
            (_, reported) => reported,
        }
    }

    fn rest(&mut self, reason: &ExitReason) -> Sequel {
        self.state = State::Done { failed: !reason.is_orderly() };
        Sequel::Stays
    }

    fn revive(&mut self, at: Instant) -> Sequel {
        self.state = State::Idle { not_before: Some(at) };
        Sequel::Restarts(at)
    }

    /// What follows from a death nobody asked for.
    fn judge(&mut self, reason: &ExitReason, now: Instant, chance: fn() -> f64) -> Sequel {
        let escalated = matches!(reason, ExitReason::Escalated { .. }) && !self.policy.absorbs_escalations;
        if !escalated && !self.policy.restart.after(reason) {
            return self.rest(reason);
        }
        if escalated || !self.window.allows(now) {
            self.state = State::Done { failed: true };
            return Sequel::Escalates;
        }
        let delay = self.backoff.next(self.ready_since, now, chance());
        self.revive(now + delay)
    }

    fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Starting { deadline } | State::Stopping { deadline } => deadline,
            State::Killing { deadline, .. } => Some(deadline),
            _ => None,
        }
    }

    fn wake_at(&self) -> Option<Instant> {
        match self.state {
            State::Idle { not_before } => not_before,
            _ => self.deadline(),
        }
    }

    fn shown_state(&self) -> ActorState {
        match self.state {
            State::Idle { not_before: None } | State::Starting { .. } => ActorState::Starting,
            State::Idle { not_before: Some(_) } => ActorState::BackingOff,
            State::Running => ActorState::Running,
            State::Stopping { .. } | State::Killing { .. } => ActorState::Stopping,
            State::Done { failed: false } => ActorState::Stopped,
            State::Done { failed: true } => ActorState::Failed,
        }
    }
}

#[cfg(test)]
mod tests;
