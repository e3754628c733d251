//! Where the lines of one repository come from: a state machine without clock or I/O.
//!
//! | mode | GitHub is computing, or fails | lines | only zeros | time |
//! |---|---|---|---|---|
//! | `warming` | stay; after an hour → `fallback` until the next refresh | → `ready` | → `fallback` for the cooldown | |
//! | `ready` | (not asked) | (not asked) | (not asked) | a refresh is due, or the week ended → `stale` |
//! | `stale` | stay; after an hour → `fallback` until the next refresh | → `ready` | → `fallback` for the cooldown | |
//! | `fallback` | (not asked) | (not asked) | (not asked) | it is over → `warming` |

use super::LocSettings;
use crate::activity::{HOUR, MINUTE, Timestamp, WEEK, last_complete_week};

/// Statistics that are being computed are asked for again after this pause.
const PAUSE: i64 = MINUTE;
/// Statistics that do not come within this time are given up until the next refresh.
const PATIENCE: i64 = HOUR;

/// Where the lines of a repository come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocSourceMode {
    /// From nowhere yet: the statistics were asked for, and GitHub is computing them.
    Warming {
        /// Since when.
        since: Timestamp,
        /// When to ask again.
        next_ask: Timestamp,
    },
    /// From statistics that are good until the next refresh.
    Ready {
        /// When they were told.
        answered_at: Timestamp,
    },
    /// From statistics that are due again; GitHub has not told newer ones yet.
    Stale {
        /// Since when.
        since: Timestamp,
        /// When to ask again.
        next_ask: Timestamp,
    },
    /// From single commits: the statistics hold no lines, or do not come.
    Fallback {
        /// Until when the statistics are not asked for.
        until: Timestamp,
    },
}

/// What became of a request for statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatisticsOutcome {
    /// GitHub is computing them.
    Computing,
    /// They were told.
    Lines,
    /// They were told, and hold weeks of commits without a line: the repository is too large.
    Zeroed,
    /// The request failed.
    Failure,
}

impl LocSourceMode {
    /// The names of all modes.
    pub const NAMES: [&'static str; 4] = ["warming", "ready", "stale", "fallback"];

    /// Nothing was asked for yet.
    pub fn start(now: Timestamp) -> Self {
        LocSourceMode::Warming { since: now, next_ask: now }
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

    /// What time alone makes of it.
    pub fn at(self, now: Timestamp, settings: &LocSettings) -> Self {
        match self {
            LocSourceMode::Ready { answered_at } if now >= due_again(answered_at, settings) => {
                LocSourceMode::Stale { since: now, next_ask: now }
            }
            LocSourceMode::Fallback { until } if now >= until => LocSourceMode::start(now),
            same => same,
        }
    }

    /// Whether the statistics are to be asked for.
    pub fn asks(self, now: Timestamp) -> bool {
        match self {
            LocSourceMode::Warming { next_ask, .. } | LocSourceMode::Stale { next_ask, .. } => {
                now >= next_ask
            }
            LocSourceMode::Ready { .. } | LocSourceMode::Fallback { .. } => false,
        }
    }

    /// Whether single commits are read.
    pub fn reads_commits(self) -> bool {
        matches!(self, LocSourceMode::Fallback { .. })
    }

    /// What an answer makes of it; a mode that does not ask hears nothing.
    pub fn heard(self, heard: StatisticsOutcome, now: Timestamp, settings: &LocSettings) -> Self {
        let (LocSourceMode::Warming { since, .. } | LocSourceMode::Stale { since, .. }) = self else {
            return self;
        };
        let gives_up = settings.fallback_enabled && now.seconds_since(since) >= PATIENCE;
        match (heard, self) {
            (StatisticsOutcome::Lines, _) => LocSourceMode::Ready { answered_at: now },
            (StatisticsOutcome::Zeroed, _) => {
                LocSourceMode::Fallback { until: now + settings.large_cooldown }
            }
            (StatisticsOutcome::Computing | StatisticsOutcome::Failure, _) if gives_up => {
                LocSourceMode::Fallback { until: now + settings.refresh_interval }
            }
            (StatisticsOutcome::Computing | StatisticsOutcome::Failure, LocSourceMode::Stale { .. }) => {
                LocSourceMode::Stale { since, next_ask: now + PAUSE }
            }
            (StatisticsOutcome::Computing | StatisticsOutcome::Failure, _) => {
                LocSourceMode::Warming { since, next_ask: now + PAUSE }
            }
        }
    }
}

/// A week that has ended is asked for at once: from then on its lines are shown.
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
    fn every_transition_is_as_written_down() {
        use LocSourceMode::*;
        use StatisticsOutcome::*;
        let (start, now) = (SUNDAY + DAY, SUNDAY + DAY + 600);
        let late = start + PATIENCE;
        let warming = Warming { since: start, next_ask: start };
        let stale = Stale { since: start, next_ask: start };
        let ready = Ready { answered_at: start };
        let fallback = Fallback { until: SUNDAY + 3 * DAY };
        let table = [
            (warming, Computing, now, Warming { since: start, next_ask: now + PAUSE }),
            (warming, Failure, now, Warming { since: start, next_ask: now + PAUSE }),
            (warming, Computing, late, Fallback { until: late + DAY }),
            (warming, Failure, late, Fallback { until: late + DAY }),
            (warming, Lines, late, Ready { answered_at: late }),
            (warming, Zeroed, now, Fallback { until: now + WEEK }),
            (stale, Computing, now, Stale { since: start, next_ask: now + PAUSE }),
            (stale, Failure, now, Stale { since: start, next_ask: now + PAUSE }),
            (stale, Computing, late, Fallback { until: late + DAY }),
            (stale, Failure, late, Fallback { until: late + DAY }),
            (stale, Lines, now, Ready { answered_at: now }),
            (stale, Zeroed, late, Fallback { until: late + WEEK }),
        ];
        for (mode, heard, at, expected) in table {
            assert_eq!(mode.heard(heard, at, &SETTINGS), expected, "{mode:?} {heard:?}");
        }
        for mode in [ready, fallback] {
            for heard in [Computing, Lines, Zeroed, Failure] {
                assert_eq!(mode.heard(heard, late, &SETTINGS), mode);
            }
        }
    }

    #[test]
    fn time_makes_statistics_stale_and_ends_a_fallback() {
        let ready = LocSourceMode::Ready { answered_at: SUNDAY };
        assert_eq!(ready.at(SUNDAY + DAY - 1, &SETTINGS), ready);
        let due = SUNDAY + DAY;
        assert_eq!(ready.at(due, &SETTINGS), LocSourceMode::Stale { since: due, next_ask: due });
        let saturday = LocSourceMode::Ready { answered_at: SUNDAY + WEEK - 60 };
        assert_eq!(saturday.at(SUNDAY + WEEK, &SETTINGS).as_str(), "stale", "the week has ended");
        let fallback = LocSourceMode::Fallback { until: due };
        assert_eq!(fallback.at(due - 1, &SETTINGS), fallback);
        assert_eq!(fallback.at(due, &SETTINGS), LocSourceMode::start(due));
    }

    #[test]
    fn without_a_fallback_it_goes_on_asking() {
        let settings = LocSettings { fallback_enabled: false, ..SETTINGS };
        let mode = LocSourceMode::start(SUNDAY).heard(StatisticsOutcome::Computing, SUNDAY + WEEK, &settings);
        assert_eq!(mode, LocSourceMode::Warming { since: SUNDAY, next_ask: SUNDAY + WEEK + PAUSE });
    }

    fn heard() -> impl Strategy<Value = StatisticsOutcome> {
        prop_oneof![
            Just(StatisticsOutcome::Computing),
            Just(StatisticsOutcome::Lines),
            Just(StatisticsOutcome::Zeroed),
            Just(StatisticsOutcome::Failure)
        ]
    }

    proptest! {
        #[test]
        fn it_never_asks_twice_within_a_minute_and_never_stops_asking(
            steps in proptest::collection::vec((1i64..7_200, heard()), 1..300),
        ) {
            let (mut mode, mut now, mut asked) = (LocSourceMode::start(SUNDAY), SUNDAY, Vec::new());
            for (pause, heard) in steps {
                now = now + pause;
                mode = mode.at(now, &SETTINGS);
                if mode.asks(now) {
                    prop_assert!(asked.last().is_none_or(|last| now.seconds_since(*last) >= PAUSE));
                    asked.push(now);
                    mode = mode.heard(heard, now, &SETTINGS);
                    prop_assert!(!mode.asks(now), "an answer is good for a while, whatever it says");
                }
                prop_assert!(LocSourceMode::NAMES.contains(&mode.as_str()));
                let silence = now.seconds_since(asked.last().copied().unwrap_or(SUNDAY));
                prop_assert!(silence <= WEEK + 7_200, "{silence}");
            }
        }
    }
}
