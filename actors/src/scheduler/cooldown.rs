//! The circuit breaker of an organisation: a state machine without a clock.

use serde::Serialize;

use crate::activity::Timestamp;

/// The thresholds of the state machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CooldownSettings {
    /// Consecutive failed cycles after which a cooldown begins.
    pub failure_threshold: u32,
    /// The duration of a cooldown in seconds.
    pub cooldown: i64,
    /// Consecutive successful cycles after which a recovering organisation is healthy.
    pub recover_threshold: u32,
}

/// The state of an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum OrgState {
    /// It is scraped normally.
    Healthy {
        /// Consecutive failed cycles.
        streak: u32,
    },
    /// It is not scraped before `until`.
    Cooldown { until: Timestamp },
    /// It is scraped again after a cooldown; one failed cycle begins another.
    Recovering {
        /// Consecutive successful cycles.
        successes: u32,
    },
}

impl OrgState {
    /// The values of the `state` label.
    pub const NAMES: [&str; 3] = ["healthy", "cooldown", "recovering"];

    /// The value of the `state` label.
    pub fn as_str(self) -> &'static str {
        match self {
            OrgState::Healthy { .. } => Self::NAMES[0],
            OrgState::Cooldown { .. } => Self::NAMES[1],
            OrgState::Recovering { .. } => Self::NAMES[2],
        }
    }
}

/// How a cycle ended, as far as the health of GitHub is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CycleOutcome {
    /// At least half of the repositories were collected.
    Succeeded,
    /// The organisation could not be listed, or more than half of its repositories failed.
    Failed,
    /// It was cut short by the quota, by the loss of leadership or by a fault of this replica,
    /// which says nothing about GitHub.
    Neither,
}

/// What a due scrape does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DueAction {
    /// Scrape.
    Scrape,
    /// Do not ask GitHub, and enqueue the window.
    Enqueue,
}

/// The state machine of one organisation.
#[derive(Clone, Copy, Debug)]
pub struct Cooldown {
    settings: CooldownSettings,
    state: OrgState,
}

impl Cooldown {
    /// A healthy organisation.
    pub fn new(settings: CooldownSettings) -> Self {
        Cooldown { settings, state: OrgState::Healthy { streak: 0 } }
    }

    /// The same machine in another state.
    pub fn resumed(self, state: OrgState) -> Self {
        Cooldown { state, ..self }
    }

    /// The current state.
    pub fn state(&self) -> OrgState {
        self.state
    }

    /// Decides on a scrape that is due at `now`.
    pub fn due(&mut self, now: Timestamp) -> DueAction {
        match self.state {
            OrgState::Cooldown { until } if now < until => DueAction::Enqueue,
            OrgState::Cooldown { .. } => {
                self.state = OrgState::Recovering { successes: 0 };
                DueAction::Scrape
            }
            OrgState::Healthy { .. } | OrgState::Recovering { .. } => DueAction::Scrape,
        }
    }

    /// Records that a cycle ended at `now`; returns whether that began a cooldown.
    pub fn finished(&mut self, outcome: CycleOutcome, now: Timestamp) -> bool {
        let settings = self.settings;
        let cooldown = OrgState::Cooldown { until: now + settings.cooldown };
        self.state = match (self.state, outcome) {
            (state, CycleOutcome::Neither) | (state @ OrgState::Cooldown { .. }, _) => state,
            (OrgState::Healthy { .. }, CycleOutcome::Succeeded) => OrgState::Healthy { streak: 0 },
            (OrgState::Healthy { streak }, CycleOutcome::Failed)
                if streak + 1 < settings.failure_threshold =>
            {
                OrgState::Healthy { streak: streak + 1 }
            }
            (OrgState::Recovering { successes }, CycleOutcome::Succeeded) => {
                if successes + 1 < settings.recover_threshold {
                    OrgState::Recovering { successes: successes + 1 }
                } else {
                    OrgState::Healthy { streak: 0 }
                }
            }
            (OrgState::Healthy { .. } | OrgState::Recovering { .. }, CycleOutcome::Failed) => cooldown,
        };
        self.state == cooldown && outcome == CycleOutcome::Failed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SETTINGS: CooldownSettings =
        CooldownSettings { failure_threshold: 3, cooldown: 120, recover_threshold: 2 };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds)
    }

    #[test]
    fn every_transition_is_as_documented() {
        use CycleOutcome::{Failed, Neither, Succeeded};
        use OrgState::{Cooldown as Cool, Healthy, Recovering};
        let until = at(120);
        let table = [
            (Healthy { streak: 0 }, Succeeded, Healthy { streak: 0 }, false),
            (Healthy { streak: 2 }, Succeeded, Healthy { streak: 0 }, false),
            (Healthy { streak: 0 }, Failed, Healthy { streak: 1 }, false),
            (Healthy { streak: 1 }, Failed, Healthy { streak: 2 }, false),
            (Healthy { streak: 2 }, Failed, Cool { until }, true),
            (Healthy { streak: 2 }, Neither, Healthy { streak: 2 }, false),
            (Recovering { successes: 0 }, Succeeded, Recovering { successes: 1 }, false),
            (Recovering { successes: 1 }, Succeeded, Healthy { streak: 0 }, false),
            (Recovering { successes: 1 }, Failed, Cool { until }, true),
            (Recovering { successes: 1 }, Neither, Recovering { successes: 1 }, false),
            (Cool { until: at(50) }, Succeeded, Cool { until: at(50) }, false),
            (Cool { until: at(50) }, Failed, Cool { until: at(50) }, false),
            (Cool { until: at(50) }, Neither, Cool { until: at(50) }, false),
        ];
        for (before, outcome, after, entered) in table {
            let mut machine = Cooldown { settings: SETTINGS, state: before };
            assert_eq!(machine.finished(outcome, at(0)), entered, "{before:?} on {outcome:?}");
            assert_eq!(machine.state(), after, "{before:?} on {outcome:?}");
        }
    }

    #[test]
    fn a_cooldown_ends_at_its_deadline() {
        let mut machine = Cooldown { settings: SETTINGS, state: OrgState::Cooldown { until: at(100) } };
        assert_eq!(machine.due(at(99)), DueAction::Enqueue);
        assert_eq!(machine.due(at(100)), DueAction::Scrape);
        assert_eq!(machine.state(), OrgState::Recovering { successes: 0 });
    }

    proptest! {
        #[test]
        fn scrapes_continue_for_ever_and_never_during_a_cooldown(
            steps in proptest::collection::vec((0u8..3, 1i64..60), 1..200),
        ) {
            let mut machine = Cooldown::new(SETTINGS);
            let mut now = at(0);
            let mut quiet_since = None;
            for (outcome, pause) in steps {
                now = now + pause;
                let before = machine.state();
                match machine.due(now) {
                    DueAction::Enqueue => {
                        let OrgState::Cooldown { until } = before else { panic!("not scraped while {before:?}") };
                        prop_assert!(now < until);
                        let since = *quiet_since.get_or_insert(now);
                        prop_assert!(now.seconds_since(since) < SETTINGS.cooldown, "a cooldown never lasts longer");
                    }
                    DueAction::Scrape => {
                        quiet_since = None;
                        let outcome = [CycleOutcome::Succeeded, CycleOutcome::Failed, CycleOutcome::Neither][outcome as usize];
                        machine.finished(outcome, now);
                    }
                }
            }
        }
    }
}
