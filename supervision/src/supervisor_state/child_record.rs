//! The state of one child.

use std::time::Duration;

use tokio::time::Instant;

use super::{ABORT_TIMEOUT, Action, ChildPolicy, Consequence, Shutdown};
use crate::backoff::BackoffState;
use crate::{ActorId, ActorState, ExitReason, RestartWindow};

/// The state of one child, and the goal its supervisor has for it.
pub(super) struct ChildRecord {
    pub(super) id: ActorId,
    pub(super) policy: ChildPolicy,
    pub(super) dynamic: bool,
    pub(super) incarnation: u64,
    pub(super) phase: ChildPhase,
    pub(super) goal: Goal,
    pub(super) ready_since: Option<Instant>,
    window: RestartWindow,
    backoff: BackoffState,
}

/// Where a child is between its start and its exit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ChildPhase {
    Waiting { not_before: Option<Instant> },
    Starting { deadline: Option<Instant> },
    Running,
    Stopping { deadline: Option<Instant> },
    Aborting { deadline: Instant, cause: ExitReason, extended: bool },
    Ended { failed: bool },
}

/// What the supervisor wants a child to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    /// Run, and be restarted after an exit.
    Run,
    /// Stop in an orderly way, then run again.
    Restart,
    /// Stop for good.
    Stop,
}

// === impl ChildPhase ===

impl ChildPhase {
    pub(super) fn aborting(cause: ExitReason, now: Instant) -> Self {
        Self::Aborting { deadline: now + ABORT_TIMEOUT, cause, extended: false }
    }
}

// === impl ChildRecord ===

impl ChildRecord {
    pub(super) fn new(id: ActorId, policy: ChildPolicy, dynamic: bool) -> Self {
        Self {
            id,
            policy,
            dynamic,
            incarnation: 0,
            phase: ChildPhase::Waiting { not_before: None },
            goal: Goal::Run,
            ready_since: None,
            window: RestartWindow::new(policy.intensity),
            backoff: BackoffState::new(policy.backoff),
        }
    }

    pub(super) fn is_alive(&self) -> bool {
        !matches!(self.phase, ChildPhase::Waiting { .. } | ChildPhase::Ended { .. })
    }

    pub(super) fn is_settled(&self) -> bool {
        matches!(self.phase, ChildPhase::Running | ChildPhase::Ended { .. })
    }

    pub(super) fn has_to_stop(&self) -> bool {
        self.is_alive() && self.goal != Goal::Run
    }

    pub(super) fn is_stopping(&self) -> bool {
        matches!(self.phase, ChildPhase::Stopping { .. } | ChildPhase::Aborting { .. })
    }

    pub(super) fn is_removable(&self) -> bool {
        self.dynamic && matches!(self.phase, ChildPhase::Ended { .. })
    }

    pub(super) fn is_monitored(&self) -> bool {
        matches!(
            self.phase,
            ChildPhase::Running
                | ChildPhase::Starting { deadline: None }
                | ChildPhase::Stopping { deadline: None }
        )
    }

    pub(super) fn is_startable(&self, now: Instant) -> bool {
        matches!(self.phase, ChildPhase::Waiting { not_before } if not_before.is_none_or(|at| at <= now))
    }

    pub(super) fn start(&mut self, now: Instant) -> Action {
        self.phase =
            ChildPhase::Starting { deadline: self.policy.start_timeout.map(|timeout| now + timeout) };
        Action::Start(self.id.clone())
    }

    pub(super) fn stop(&mut self, now: Instant) -> Action {
        let deadline = match self.policy.shutdown {
            Shutdown::Brutal => {
                self.phase = ChildPhase::aborting(ExitReason::Shutdown, now);
                return Action::Abort(self.id.clone());
            }
            Shutdown::Timeout(timeout) => Some(now + timeout),
            Shutdown::Infinity => None,
        };
        self.phase = ChildPhase::Stopping { deadline };
        Action::Stop(self.id.clone())
    }

    pub(super) fn stop_for_good(&mut self) {
        self.goal = Goal::Stop;
        if matches!(self.phase, ChildPhase::Waiting { .. }) {
            self.phase = ChildPhase::Ended { failed: false };
        }
    }

    pub(super) fn limit_shutdown(&mut self, limit: Duration, now: Instant) {
        self.policy.shutdown = Shutdown::Timeout(limit);
        if matches!(self.phase, ChildPhase::Stopping { .. }) {
            self.phase = ChildPhase::Stopping { deadline: Some(now + limit) };
        }
    }

    /// The reason of an exit, given what the task reported and what the supervisor had done to it.
    pub(super) fn exit_reason(&self, reported: ExitReason) -> ExitReason {
        match (&self.phase, reported) {
            (ChildPhase::Aborting { cause, .. }, ExitReason::Cancelled | ExitReason::Normal) => cause.clone(),
            (ChildPhase::Stopping { .. }, ExitReason::Normal) => ExitReason::Shutdown,
            (ChildPhase::Starting { .. }, ExitReason::Normal) => {
                ExitReason::StartFailed { message: "stopped before it was ready".to_owned() }
            }
            (_, reported) => reported,
        }
    }

    pub(super) fn stay_down(&mut self, reason: &ExitReason) -> Consequence {
        self.phase = ChildPhase::Ended { failed: !reason.is_orderly() };
        Consequence::StaysDown
    }

    pub(super) fn restart_at(&mut self, at: Instant) -> Consequence {
        self.phase = ChildPhase::Waiting { not_before: Some(at) };
        Consequence::RestartsAt(at)
    }

    /// Decides what follows from an exit that the supervisor had not ordered.
    pub(super) fn handle_unexpected_exit(
        &mut self,
        reason: &ExitReason,
        now: Instant,
        random: fn() -> f64,
    ) -> Consequence {
        let escalated = matches!(reason, ExitReason::Escalated { .. }) && !self.policy.absorbs_escalations;
        if !escalated && !self.policy.restart.after(reason) {
            return self.stay_down(reason);
        }
        if escalated || !self.window.allows(now) {
            self.phase = ChildPhase::Ended { failed: true };
            return Consequence::Escalates;
        }
        let delay = self.backoff.next(self.ready_since, now, random());
        self.restart_at(now + delay)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.phase {
            ChildPhase::Starting { deadline } | ChildPhase::Stopping { deadline } => deadline,
            ChildPhase::Aborting { deadline, .. } => Some(deadline),
            _ => None,
        }
    }

    pub(super) fn wake_at(&self) -> Option<Instant> {
        match self.phase {
            ChildPhase::Waiting { not_before } => not_before,
            _ => self.deadline(),
        }
    }

    pub(super) fn actor_state(&self) -> ActorState {
        match self.phase {
            ChildPhase::Waiting { not_before: None } | ChildPhase::Starting { .. } => ActorState::Starting,
            ChildPhase::Waiting { not_before: Some(_) } => ActorState::BackingOff,
            ChildPhase::Running => ActorState::Running,
            ChildPhase::Stopping { .. } | ChildPhase::Aborting { .. } => ActorState::Stopping,
            ChildPhase::Ended { failed: false } => ActorState::Stopped,
            ChildPhase::Ended { failed: true } => ActorState::Failed,
        }
    }
}
