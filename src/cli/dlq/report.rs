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
    pub(super) letters: usize,
    /// All dead letters.
    pub(super) unresolved: usize,
    pub(super) oldest_unixtime: Option<i64>,
    pub(super) by_reason: BTreeMap<String, usize>,
    pub(super) by_org: BTreeMap<String, usize>,
    pub(super) by_error: BTreeMap<String, usize>,
}

impl DeadLetterStatistics {
    /// The statistics of the last `hours` before `now`.
    pub(super) fn of(letters: &[DeadLetterView], hours: u32, now: Timestamp) -> Self {
        let since = (now - i64::from(hours) * HOUR).as_unix();
        let recent: Vec<&DeadLetterView> = letters.iter().filter(|letter| letter.died_at >= since).collect();
        let count = |of: fn(&DeadLetterView) -> String| {
            recent.iter().fold(BTreeMap::new(), |mut counts, letter| {
                *counts.entry(of(letter)).or_insert(0) += 1;
                counts
            })
        };
        DeadLetterStatistics {
            hours,
            letters: recent.len(),
            unresolved: letters.len(),
            oldest_unixtime: letters.iter().map(|letter| letter.died_at).min(),
            by_reason: count(|letter| letter.reason.clone()),
            by_org: count(|letter| letter.job.as_ref().map_or("-".to_owned(), |job| job.org.clone())),
            by_error: count(|letter| letter.error.clone()),
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
        let letter = |id: &str, age: i64| {
            let poison =
                PoisonMessage { id: id.into(), problem: "no job".into(), size: 3, excerpt: "{{{".into() };
            DeadLetterView::of(&DeadLetter::of_poison(&poison, now - age))
        };
        let report =
            DeadLetterStatistics::of(&[letter("a", 60), letter("b", 7_000), letter("c", 8_000)], 2, now);
        assert_eq!((report.letters, report.unresolved), (2, 3));
        assert_eq!(report.oldest_unixtime, Some(1_000_000 - 8_000));
        assert_eq!(report.by_reason["malformed"], 2);
        assert_eq!(report.by_error["no job (3 bytes)"], 2);
    }
}
