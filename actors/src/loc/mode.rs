//! Where the lines of code of one repository come from: a state machine without a clock or I/O.
//!
//! | mode | computing or failure | available | zeroed | time |
//! |---|---|---|---|---|
//! | `warming` | stay; after an hour → `fallback` (¹) | → `ready` | → `fallback` (²) | |
//! | `ready` | (no request) | (no request) | (no request) | refresh due, or week ended → `stale` |
//! | `stale` | stay; after an hour → `fallback` (¹) | → `ready` | → `fallback` (²) | |
//! | `fallback` | (no request) | (no request) | (no request) | it ended → `warming` |
//!
//! ¹ until the next refresh; ² for the cooldown of large repositories

use super::LocSettings;
use crate::activity::{HOUR, MINUTE, Timestamp, WEEK, last_complete_week};

/// Seconds after which statistics that are being computed are requested again.
const POLL_INTERVAL: i64 = MINUTE;
/// Seconds after which statistics that are still being computed are given up until the next
/// refresh.
const COMPUTING_LIMIT: i64 = HOUR;

/// Where the lines of code of a repository come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocSourceMode {
    /// From nowhere yet: the statistics have been requested since `since`, and GitHub is computing
    /// them.
    Warming { since: Timestamp, next_request: Timestamp },
    /// From statistics that are valid until the next refresh.
    Ready { answered_at: Timestamp },
    /// From statistics that have been due for a refresh since `since`; GitHub has no newer ones
    /// yet.
    Stale { since: Timestamp, next_request: Timestamp },
    /// From single commits: the statistics contain no lines, or are not computed. They are not
    /// requested before `until`.
    Fallback { until: Timestamp },
}

/// The outcome of a request for statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatisticsOutcome {
    /// GitHub is computing them.
    Computing,
    /// They were received.
    Available,
    /// They were received, but without lines, because the repository is too large.
    Zeroed,
    /// The request failed.
    Failure,
}

impl LocSourceMode {
    /// The names of all modes.
    pub const NAMES: [&'static str; 4] = ["warming", "ready", "stale", "fallback"];

    /// Before the first request.
    pub fn start(now: Timestamp) -> Self {
        LocSourceMode::Warming { since: now, next_request: now }
    }

    /// Its name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            LocSourceMode::Warming { .. } => "warming",
            LocSourceMode::Ready { .. } => "ready",
            LocSourceMode::Stale { .. } => "stale",
            LocSourceMode::Fallback { .. } => "fallback",
        }
    }

    /// The mode at `now`, after the transitions that only depend on time.
    pub fn at(self, now: Timestamp, settings: &LocSettings) -> Self {
        match self {
            LocSourceMode::Ready { answered_at } if now >= due_again(answered_at, settings) => {
                LocSourceMode::Stale { since: now, next_request: now }
            }
            LocSourceMode::Fallback { until } if now >= until => LocSourceMode::start(now),
            same => same,
        }
    }

    /// Whether the statistics should be requested at `now`.
    pub fn is_request_due(self, now: Timestamp) -> bool {
        match self {
            LocSourceMode::Warming { next_request, .. } | LocSourceMode::Stale { next_request, .. } => {
                now >= next_request
            }
            LocSourceMode::Ready { .. } | LocSourceMode::Fallback { .. } => false,
        }
    }

    /// Whether single commits are read.
    pub fn reads_commits(self) -> bool {
        matches!(self, LocSourceMode::Fallback { .. })
    }

    /// The mode after a response; unchanged in a mode that does not request statistics.
    pub fn after_response(self, outcome: StatisticsOutcome, now: Timestamp, settings: &LocSettings) -> Self {
        let (LocSourceMode::Warming { since, .. } | LocSourceMode::Stale { since, .. }) = self else {
            return self;
        };
        let gives_up = settings.fallback_enabled && now.seconds_since(since) >= COMPUTING_LIMIT;
        match (outcome, self) {
            (StatisticsOutcome::Available, _) => LocSourceMode::Ready { answered_at: now },
            (StatisticsOutcome::Zeroed, _) => {
                LocSourceMode::Fallback { until: now + settings.large_cooldown }
            }
            (StatisticsOutcome::Computing | StatisticsOutcome::Failure, _) if gives_up => {
                LocSourceMode::Fallback { until: now + settings.refresh_interval }
            }
            (StatisticsOutcome::Computing | StatisticsOutcome::Failure, LocSourceMode::Stale { .. }) => {
                LocSourceMode::Stale { since, next_request: now + POLL_INTERVAL }
            }
            (StatisticsOutcome::Computing | StatisticsOutcome::Failure, _) => {
                LocSourceMode::Warming { since, next_request: now + POLL_INTERVAL }
            }
        }
    }
}

/// When a refresh is due: at the latest when the week ends, because then its lines are exposed.
fn due_again(answered_at: Timestamp, settings: &LocSettings) -> Timestamp {
    let end_of_week = last_complete_week(answered_at).to() + WEEK;
    (answered_at + settings.refresh_interval).min(end_of_week)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::activity::DAY;

    /// 2026-11-15 00:00 UTC, a Sunday.
    const SUNDAY: Timestamp = Timestamp::from_unix(1_794_700_800);
    const SETTINGS: LocSettings = LocSettings {
        refresh_interval: DAY,
        fallback_enabled: true,
        commits_per_week: 500,
        commits_per_hour: 3_000,
        zero_weeks: 2,
        large_cooldown: WEEK,
    };

    #[test]
    fn every_transition_is_as_documented() {
        use LocSourceMode::*;
        use StatisticsOutcome::*;
        let (start, now) = (SUNDAY + DAY, SUNDAY + DAY + 600);
        let late = start + COMPUTING_LIMIT;
        let warming = Warming { since: start, next_request: start };
        let stale = Stale { since: start, next_request: start };
        let ready = Ready { answered_at: start };
        let fallback = Fallback { until: SUNDAY + 3 * DAY };
        let table = [
            (warming, Computing, now, Warming { since: start, next_request: now + POLL_INTERVAL }),
            (warming, Failure, now, Warming { since: start, next_request: now + POLL_INTERVAL }),
            (warming, Computing, late, Fallback { until: late + DAY }),
            (warming, Failure, late, Fallback { until: late + DAY }),
            (warming, Available, late, Ready { answered_at: late }),
            (warming, Zeroed, now, Fallback { until: now + WEEK }),
            (stale, Computing, now, Stale { since: start, next_request: now + POLL_INTERVAL }),
            (stale, Failure, now, Stale { since: start, next_request: now + POLL_INTERVAL }),
            (stale, Computing, late, Fallback { until: late + DAY }),
            (stale, Failure, late, Fallback { until: late + DAY }),
            (stale, Available, now, Ready { answered_at: now }),
            (stale, Zeroed, late, Fallback { until: late + WEEK }),
        ];
        for (mode, outcome, at, expected) in table {
            assert_eq!(mode.after_response(outcome, at, &SETTINGS), expected, "{mode:?} {outcome:?}");
        }
        for mode in [ready, fallback] {
            for outcome in [Computing, Available, Zeroed, Failure] {
                assert_eq!(mode.after_response(outcome, late, &SETTINGS), mode);
            }
        }
    }

    #[test]
    fn time_makes_statistics_stale_and_ends_a_fallback() {
        let ready = LocSourceMode::Ready { answered_at: SUNDAY };
        assert_eq!(ready.at(SUNDAY + DAY - 1, &SETTINGS), ready);
        let due = SUNDAY + DAY;
        assert_eq!(ready.at(due, &SETTINGS), LocSourceMode::Stale { since: due, next_request: due });
        let saturday = LocSourceMode::Ready { answered_at: SUNDAY + WEEK - 60 };
        assert_eq!(saturday.at(SUNDAY + WEEK, &SETTINGS).as_str(), "stale", "the week has ended");
        let fallback = LocSourceMode::Fallback { until: due };
        assert_eq!(fallback.at(due - 1, &SETTINGS), fallback);
        assert_eq!(fallback.at(due, &SETTINGS), LocSourceMode::start(due));
    }

    #[test]
    fn without_a_fallback_requests_continue() {
        let settings = LocSettings { fallback_enabled: false, ..SETTINGS };
        let mode = LocSourceMode::start(SUNDAY).after_response(
            StatisticsOutcome::Computing,
            SUNDAY + WEEK,
            &settings,
        );
        assert_eq!(
            mode,
            LocSourceMode::Warming { since: SUNDAY, next_request: SUNDAY + WEEK + POLL_INTERVAL }
        );
    }

    fn outcome() -> impl Strategy<Value = StatisticsOutcome> {
        prop_oneof![
            Just(StatisticsOutcome::Computing),
            Just(StatisticsOutcome::Available),
            Just(StatisticsOutcome::Zeroed),
            Just(StatisticsOutcome::Failure)
        ]
    }

    proptest! {
        #[test]
        fn requests_are_at_least_a_minute_apart_and_never_stop(
            steps in proptest::collection::vec((1i64..7_200, outcome()), 1..300),
        ) {
            let (mut mode, mut now, mut requests) = (LocSourceMode::start(SUNDAY), SUNDAY, Vec::new());
            for (pause, outcome) in steps {
                now = now + pause;
                mode = mode.at(now, &SETTINGS);
                if mode.is_request_due(now) {
                    prop_assert!(requests.last().is_none_or(|last| now.seconds_since(*last) >= POLL_INTERVAL));
                    requests.push(now);
                    mode = mode.after_response(outcome, now, &SETTINGS);
                    prop_assert!(!mode.is_request_due(now), "after any answer there is a pause");
                }
                prop_assert!(LocSourceMode::NAMES.contains(&mode.as_str()));
                let silence = now.seconds_since(requests.last().copied().unwrap_or(SUNDAY));
                prop_assert!(silence <= WEEK + 7_200, "{silence}");
            }
        }
    }
}
