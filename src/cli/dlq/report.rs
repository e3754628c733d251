//! Statistics of dead letters.

use std::collections::BTreeMap;

use github_stats_actors::activity::{HOUR, Timestamp};
use serde::Serialize;

use crate::admin_api::DeadLetterView;

/// How many dead letters there are, by kind.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct DeadLetterStatistics {
    /// The period that is counted, in hours before now.
    pub(super) hours: u32,
    /// Dead letters of the period.
    #[serde(rename = "letters")]
    pub(super) dead_letters: usize,
    /// All dead letters.
    pub(super) unresolved: usize,
    pub(super) oldest_unixtime: Option<i64>,
    pub(super) by_reason: BTreeMap<String, usize>,
    pub(super) by_org: BTreeMap<String, usize>,
    pub(super) by_error: BTreeMap<String, usize>,
}

impl DeadLetterStatistics {
    /// The statistics of the last `hours` before `now`.
    pub(super) fn of(dead_letters: &[DeadLetterView], hours: u32, now: Timestamp) -> Self {
        let since = (now - i64::from(hours) * HOUR).as_unix();
        let recent: Vec<&DeadLetterView> =
            dead_letters.iter().filter(|dead_letter| dead_letter.died_at >= since).collect();
        let count = |of: fn(&DeadLetterView) -> String| {
            recent.iter().fold(BTreeMap::new(), |mut counts, dead_letter| {
                *counts.entry(of(dead_letter)).or_insert(0) += 1;
                counts
            })
        };
        DeadLetterStatistics {
            hours,
            dead_letters: recent.len(),
            unresolved: dead_letters.len(),
            oldest_unixtime: dead_letters.iter().map(|dead_letter| dead_letter.died_at).min(),
            by_reason: count(|dead_letter| dead_letter.reason.clone()),
            by_org: count(|dead_letter| {
                dead_letter.job.as_ref().map_or("-".to_owned(), |job| job.org.clone())
            }),
            by_error: count(|dead_letter| dead_letter.error.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use github_stats_actors::queue::{DeadLetter, PoisonMessage};

    use super::*;

    #[test]
    fn dead_letters_are_counted_by_kind_within_the_requested_hours() {
        let now = Timestamp::from_unix(1_000_000);
        let dead_letter = |id: &str, age: i64| {
            let poison =
                PoisonMessage { id: id.into(), problem: "no job".into(), size: 3, excerpt: "{{{".into() };
            DeadLetterView::of(&DeadLetter::of_poison(&poison, now - age))
        };
        let report = DeadLetterStatistics::of(
            &[dead_letter("a", 60), dead_letter("b", 7_000), dead_letter("c", 8_000)],
            2,
            now,
        );
        assert_eq!((report.dead_letters, report.unresolved), (2, 3));
        assert_eq!(report.oldest_unixtime, Some(1_000_000 - 8_000));
        assert_eq!(report.by_reason["malformed"], 2);
        assert_eq!(report.by_error["no job (3 bytes)"], 2);
    }
}
