//! What is due, what is missing, and how complete an organisation is: pure functions of coverage
//! and time.

use serde::Serialize;

use crate::activity::{DAY, HOUR, RepoState, Timestamp, Window};

/// How far back collecting goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistorySettings {
    /// Seconds for which facts are retained.
    pub retention: i64,
    /// Seconds of history that are collected of a new repository.
    pub history: i64,
}

/// The first instant that should be covered of a repository first seen at `first_seen`.
pub fn due_from(first_seen: Timestamp, now: Timestamp, settings: HistorySettings) -> Timestamp {
    (now - settings.retention).max(first_seen - settings.history)
}

/// Where the next scrape continues: at the end of coverage.
pub fn live_since(state: Option<&RepoState>, due_from: Timestamp) -> Timestamp {
    state.and_then(|state| state.coverage.end()).map_or(due_from, |end| end.max(due_from))
}

/// The gaps before the end of coverage. The next scrape continues at that end, so only backfill
/// jobs collect them.
pub fn interior_gaps(state: &RepoState, due_from: Timestamp) -> Vec<Window> {
    let interior = state.coverage.end().and_then(|end| Window::new(due_from, end));
    interior.map_or_else(Vec::new, |window| state.coverage.gaps(window))
}

/// Seconds by which the coverage of a repository may lag behind the newest one and still be brought
/// up to date by the same poll.
const MAX_LAG: i64 = HOUR;

/// The repositories that one poll of the organisation brings up to date.
#[derive(Clone, Debug, PartialEq)]
pub struct PollGroup<'a> {
    /// The instant since which to poll: the earliest end of coverage in the group.
    pub since: Timestamp,
    pub states: Vec<&'a RepoState>,
}

/// Chooses the repositories whose coverage does not lag far behind the newest one; `None` if
/// nothing is covered.
pub fn poll_group<'a>(states: impl Iterator<Item = &'a RepoState> + Clone) -> Option<PollGroup<'a>> {
    let newest = states.clone().filter_map(|state| state.coverage.end()).max()?;
    let states: Vec<&RepoState> =
        states.filter(|state| state.coverage.end().is_some_and(|end| end >= newest - MAX_LAG)).collect();
    let since = states.iter().filter_map(|state| state.coverage.end()).min()?;
    Some(PollGroup { since, states })
}

/// How complete an organisation's numbers are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Completeness {
    /// The covered share of the 24 hours before the last due scrape, from 0 to 1, as the mean over
    /// repositories; 1 if nothing is due.
    pub coverage_ratio: f64,
    /// The latest end of coverage of any repository.
    pub newest: Option<Timestamp>,
}

/// How complete the numbers of these repositories are if the last scrape was due at `last_due`.
pub fn completeness<'a>(
    states: impl Iterator<Item = &'a RepoState>,
    last_due: Timestamp,
    settings: HistorySettings,
) -> Completeness {
    let mut ratios = Vec::new();
    let mut newest = None;
    for state in states {
        newest = newest.max(state.coverage.end());
        let from = due_from(state.meta.first_seen, last_due, settings).max(last_due - DAY);
        if let Some(due) = Window::new(from, last_due) {
            ratios.push(state.coverage.seconds_within(due) as f64 / due.seconds() as f64);
        }
    }
    let mean = if ratios.is_empty() { 1.0 } else { ratios.iter().sum::<f64>() / ratios.len() as f64 };
    Completeness { coverage_ratio: mean, newest }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activity::{MINUTE, RepoKey, RepoMeta};

    const SETTINGS: HistorySettings = HistorySettings { retention: 30 * DAY, history: 14 * DAY };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1_800_000_000 + seconds)
    }

    fn state(covered: &[(i64, i64)]) -> RepoState {
        let key = RepoKey { org: "acme".into(), id: "R_1".into() };
        let meta = RepoMeta { seen_at: at(0), name: "api".into(), first_seen: at(0) };
        let mut state = RepoState::new(key, meta);
        state.coverage = covered.iter().filter_map(|(from, to)| Window::new(at(*from), at(*to))).collect();
        state
    }

    #[test]
    fn history_is_due_until_retention_takes_over() {
        assert_eq!(due_from(at(0), at(0), SETTINGS), at(-14 * DAY));
        assert_eq!(due_from(at(0), at(16 * DAY), SETTINGS), at(-14 * DAY));
        assert_eq!(due_from(at(0), at(20 * DAY), SETTINGS), at(-10 * DAY));
    }

    #[test]
    fn a_scrape_continues_where_coverage_ends_and_leaves_gaps_to_backfill() {
        let due = at(-14 * DAY);
        assert_eq!(live_since(None, due), due);
        assert_eq!(live_since(Some(&state(&[])), due), due);
        let state = state(&[(-14 * DAY, -2 * HOUR), (-HOUR, 0)]);
        assert_eq!(live_since(Some(&state), due), at(0));
        assert_eq!(interior_gaps(&state, due), [Window::new(at(-2 * HOUR), at(-HOUR)).unwrap()]);
    }

    #[test]
    fn a_repository_that_is_far_behind_does_not_extend_the_poll() {
        let states =
            [state(&[(-DAY, 0)]), state(&[(-DAY, -10 * MINUTE)]), state(&[(-DAY, -2 * HOUR)]), state(&[])];
        let group = poll_group(states.iter()).unwrap();
        assert_eq!(group.since, at(-10 * MINUTE));
        assert_eq!(group.states, [&states[0], &states[1]]);
        assert!(poll_group([state(&[])].iter()).is_none());
    }

    #[test]
    fn completeness_is_the_mean_over_repositories_of_the_last_day() {
        let states = [state(&[(-DAY, 0)]), state(&[(-DAY, -DAY / 2)]), state(&[])];
        let found = completeness(states.iter(), at(0), SETTINGS);
        assert!((found.coverage_ratio - 0.5).abs() < 1e-9);
        assert_eq!(found.newest, Some(at(0)));
        assert_eq!(completeness([].iter(), at(0), SETTINGS).coverage_ratio, 1.0);
    }
}
