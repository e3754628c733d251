//! How GitHub's weekly statistics are attributed to commits.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::activity::{LocChange, Login, Oid, Timestamp, WEEK, last_complete_week};
use crate::source::AuthorWeek;

/// A stored commit and its lines of code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitLoc {
    pub oid: Oid,
    pub user: Login,
    /// The committer date.
    pub at: Timestamp,
    /// Zero if its lines are unknown, and if it changed none.
    pub loc: LocChange,
}

impl CommitLoc {
    /// The beginning of its week, a Sunday.
    pub fn week(&self) -> Timestamp {
        last_complete_week(self.at + WEEK).from()
    }
}

/// How statistics are attributed to commits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attribution {
    /// Commits whose lines change.
    pub changed: Vec<(Oid, LocChange)>,
    /// Commits without lines whose authors are missing from the statistics: GitHub includes the 100
    /// most active only.
    pub unattributed: Vec<Oid>,
}

/// Whether GitHub did not count lines: there are at least `zero_weeks` weeks with commits, and none
/// of them has a line. It does that for repositories with 10,000 commits or more.
pub fn are_zeroed(weeks: &[AuthorWeek], zero_weeks: usize) -> bool {
    let with_commits: HashSet<Timestamp> =
        weeks.iter().filter(|week| week.commits > 0).map(|week| week.week).collect();
    with_commits.len() >= zero_weeks.max(1) && weeks.iter().all(|week| week.loc == LocChange::default())
}

/// Attributes statistics to commits, so that the lines of an author's commits of a week add up to
/// the statistics of that week. If they do already, nothing changes; otherwise each commit of the
/// author and week gets an equal share, because the statistics are not more detailed.
pub fn attribute_statistics(weeks: &[AuthorWeek], commits: &[CommitLoc]) -> Attribution {
    let mut totals: HashMap<(&Login, Timestamp), (u64, LocChange)> = HashMap::new();
    let mut authors: HashSet<&Login> = HashSet::new();
    for week in weeks {
        authors.insert(&week.user);
        let (commits, loc) = totals.entry((&week.user, week.week)).or_default();
        *commits += week.commits;
        *loc = sum(*loc, week.loc);
    }
    let mut groups: BTreeMap<(&Login, Timestamp), Vec<&CommitLoc>> = BTreeMap::new();
    for commit in commits {
        groups.entry((&commit.user, commit.week())).or_default().push(commit);
    }
    let mut attribution = Attribution::default();
    for ((user, week), mut commits) in groups {
        if !authors.contains(user) {
            let without = commits.iter().filter(|commit| commit.loc == LocChange::default());
            attribution.unattributed.extend(without.map(|commit| commit.oid));
            continue;
        }
        // If the statistics count no commit, the stored ones are merges or newer than the
        // statistics.
        let Some((1.., total)) = totals.get(&(user, week)) else { continue };
        if commits.iter().map(|commit| commit.loc).fold(LocChange::default(), sum) != *total {
            commits.sort_by_key(|commit| (commit.at, commit.oid));
            attribution.changed.extend(equal_shares(*total, &commits));
        }
    }
    attribution
}

/// The first commits get the remainder of the division.
fn equal_shares(total: LocChange, commits: &[&CommitLoc]) -> Vec<(Oid, LocChange)> {
    let count = u64::try_from(commits.len()).unwrap_or(u64::MAX).max(1);
    let share = |total: u64, nth: u64| total / count + u64::from(nth < total % count);
    let changed = commits.iter().zip(0..).filter_map(|(commit, nth)| {
        let loc =
            LocChange { additions: share(total.additions, nth), deletions: share(total.deletions, nth) };
        (loc != commit.loc).then_some((commit.oid, loc))
    });
    changed.collect()
}

fn sum(a: LocChange, b: LocChange) -> LocChange {
    LocChange {
        additions: a.additions.saturating_add(b.additions),
        deletions: a.deletions.saturating_add(b.deletions),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SUNDAY: Timestamp = Timestamp::from_unix(1_794_700_800);

    fn oid(number: u8) -> Oid {
        Oid::from_bytes([number; 20])
    }

    fn week(user: &str, nth: i64, commits: u64, additions: u64, deletions: u64) -> AuthorWeek {
        let loc = LocChange { additions, deletions };
        AuthorWeek { user: user.into(), week: SUNDAY + nth * WEEK, commits, loc }
    }

    fn commit(number: u8, user: &str, at: Timestamp) -> CommitLoc {
        CommitLoc { oid: oid(number), user: user.into(), at, loc: LocChange::default() }
    }

    #[test]
    fn the_lines_of_a_week_are_attributed_equally_and_the_remainder_to_the_first_commit() {
        let commits =
            [commit(1, "ada", SUNDAY + 9), commit(2, "ada", SUNDAY), commit(3, "ada", SUNDAY + WEEK)];
        let shares = attribute_statistics(&[week("ada", 0, 2, 5, 2), week("ada", 1, 0, 0, 0)], &commits);
        let loc = |additions, deletions| LocChange { additions, deletions };
        assert_eq!(shares.changed, [(oid(2), loc(3, 1)), (oid(1), loc(2, 1))]);
        assert!(shares.unattributed.is_empty());
    }

    #[test]
    fn lines_that_add_up_do_not_change_and_no_author_gets_those_of_another() {
        let mut commits = vec![commit(1, "ada", SUNDAY), commit(2, "ada", SUNDAY), commit(3, "bob", SUNDAY)];
        commits[0].loc = LocChange { additions: 7, deletions: 1 };
        let shares = attribute_statistics(&[week("ada", 0, 2, 7, 1)], &commits);
        assert_eq!(shares, Attribution { changed: vec![], unattributed: vec![oid(3)] });
    }

    #[test]
    fn a_large_repository_is_distinguished_from_one_that_had_a_week_without_lines() {
        let zeros = [week("ada", 0, 3, 0, 0), week("bob", 1, 1, 0, 0), week("bob", 2, 0, 0, 0)];
        assert!(are_zeroed(&zeros, 2) && !are_zeroed(&zeros, 3));
        let mut counted = zeros.to_vec();
        counted.push(week("eve", -9, 1, 1, 0));
        assert!(!are_zeroed(&counted, 2));
        assert!(!are_zeroed(&[], 0));
    }

    proptest! {
        #[test]
        fn attributed_lines_add_up_to_the_statistics_and_a_second_attribution_changes_nothing(
            placed in proptest::collection::vec((0u8..3, 0i64..3 * WEEK, 0u64..50), 1..60),
            reported in proptest::collection::vec((0u8..3, 0i64..3, 1u64..9, 0u64..1_000, 0u64..1_000), 0..12),
        ) {
            let mut commits: Vec<CommitLoc> = placed.into_iter().zip(0u8..).map(|((user, after, lines), nth)| {
                let loc = LocChange { additions: lines, deletions: lines / 2 };
                CommitLoc { loc, ..commit(nth, &format!("user-{user}"), SUNDAY + after) }
            }).collect();
            let weeks: Vec<AuthorWeek> =
                reported.into_iter().map(|(user, nth, c, a, d)| week(&format!("user-{user}"), nth, c, a, d)).collect();
            let before = commits.clone();
            for (oid, loc) in attribute_statistics(&weeks, &commits).changed {
                commits.iter_mut().filter(|commit| commit.oid == oid).for_each(|commit| commit.loc = loc);
            }
            prop_assert!(attribute_statistics(&weeks, &commits).changed.is_empty());
            for commit in &commits {
                let same = |w: &&AuthorWeek| w.user == commit.user && w.week == commit.week();
                let group = |all: &[CommitLoc]| all.iter()
                    .filter(|c| c.user == commit.user && c.week() == commit.week())
                    .map(|c| c.loc).fold(LocChange::default(), sum);
                if weeks.iter().any(|week| same(&week)) {
                    let total = weeks.iter().filter(same).map(|week| week.loc).fold(LocChange::default(), sum);
                    prop_assert_eq!(group(&commits), total);
                } else {
                    prop_assert_eq!(group(&commits), group(&before));
                }
            }
        }
    }
}
