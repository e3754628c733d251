//! GitHub's weekly statistics, and how they become the lines of commits.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::activity::{LocChange, Login, Oid, Timestamp, WEEK, last_complete_week};

/// What somebody did to a repository in a week, by GitHub's statistics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorWeek {
    /// Who.
    pub user: Login,
    /// The week's beginning, a Sunday.
    pub week: Timestamp,
    /// Commits, merge commits not counted.
    pub commits: u64,
    /// Their lines.
    pub lines: LocChange,
}

/// A stored commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitLoc {
    /// Which.
    pub oid: Oid,
    /// Whose.
    pub user: Login,
    /// Its date.
    pub at: Timestamp,
    /// Its lines; none where they are not known, or where there are none.
    pub lines: LocChange,
}

impl CommitLoc {
    /// The beginning of its week.
    pub fn week(&self) -> Timestamp {
        last_complete_week(self.at + WEEK).from()
    }
}

/// What the statistics say of commits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContributorShares {
    /// Commits whose lines are to be changed.
    pub changed: Vec<(Oid, LocChange)>,
    /// Commits without lines of authors of whom the statistics say nothing: GitHub tells only of a hundred.
    pub untold: Vec<Oid>,
}

/// Whether GitHub has counted no lines: there are at least so many weeks of commits, and none of them has a line.
pub fn are_zeroed(weeks: &[AuthorWeek], zero_weeks: usize) -> bool {
    let with_commits: HashSet<Timestamp> =
        weeks.iter().filter(|week| week.commits > 0).map(|week| week.week).collect();
    with_commits.len() >= zero_weeks.max(1) && weeks.iter().all(|week| week.lines == LocChange::default())
}

/// Shares the statistics out, so that the lines of somebody's commits of a week add up to what the statistics say of
/// that week. Whose lines add up already are left alone; else everybody's commits of a week get equal shares, because
/// the statistics do not tell more.
pub fn share_out(weeks: &[AuthorWeek], commits: &[CommitLoc]) -> ContributorShares {
    let mut told: HashMap<(&Login, Timestamp), (u64, LocChange)> = HashMap::new();
    let mut authors: HashSet<&Login> = HashSet::new();
    for week in weeks {
        authors.insert(&week.user);
        let (commits, lines) = told.entry((&week.user, week.week)).or_default();
        *commits += week.commits;
        *lines = sum(*lines, week.lines);
    }
    let mut own: BTreeMap<(&Login, Timestamp), Vec<&CommitLoc>> = BTreeMap::new();
    for commit in commits {
        own.entry((&commit.user, commit.week())).or_default().push(commit);
    }
    let mut shares = ContributorShares::default();
    for ((user, week), mut commits) in own {
        if !authors.contains(user) {
            let without = commits.iter().filter(|commit| commit.lines == LocChange::default());
            shares.untold.extend(without.map(|commit| commit.oid));
            continue;
        }
        // Where it counts no commit, ours are merges, or came after it was computed.
        let Some((1.., total)) = told.get(&(user, week)) else { continue };
        if commits.iter().map(|commit| commit.lines).fold(LocChange::default(), sum) != *total {
            commits.sort_by_key(|commit| (commit.at, commit.oid));
            shares.changed.extend(equal_shares(*total, &commits));
        }
    }
    shares
}

/// The rest of the division goes to the first ones.
fn equal_shares(total: LocChange, commits: &[&CommitLoc]) -> Vec<(Oid, LocChange)> {
    let count = u64::try_from(commits.len()).unwrap_or(u64::MAX).max(1);
    let share = |total: u64, nth: u64| total / count + u64::from(nth < total % count);
    let changed = commits.iter().zip(0..).filter_map(|(commit, nth)| {
        let lines =
            LocChange { additions: share(total.additions, nth), deletions: share(total.deletions, nth) };
        (lines != commit.lines).then_some((commit.oid, lines))
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
        let lines = LocChange { additions, deletions };
        AuthorWeek { user: user.into(), week: SUNDAY + nth * WEEK, commits, lines }
    }

    fn commit(number: u8, user: &str, at: Timestamp) -> CommitLoc {
        CommitLoc { oid: oid(number), user: user.into(), at, lines: LocChange::default() }
    }

    #[test]
    fn a_week_is_shared_out_equally_and_the_rest_goes_to_the_first() {
        let commits =
            [commit(1, "ada", SUNDAY + 9), commit(2, "ada", SUNDAY), commit(3, "ada", SUNDAY + WEEK)];
        let shares = share_out(&[week("ada", 0, 2, 5, 2), week("ada", 1, 0, 0, 0)], &commits);
        let lines = |additions, deletions| LocChange { additions, deletions };
        assert_eq!(shares.changed, [(oid(2), lines(3, 1)), (oid(1), lines(2, 1))]);
        assert!(shares.untold.is_empty());
    }

    #[test]
    fn lines_that_add_up_are_left_alone_and_nobody_gets_those_of_another() {
        let mut commits = vec![commit(1, "ada", SUNDAY), commit(2, "ada", SUNDAY), commit(3, "bob", SUNDAY)];
        commits[0].lines = LocChange { additions: 7, deletions: 1 };
        let shares = share_out(&[week("ada", 0, 2, 7, 1)], &commits);
        assert_eq!(shares, ContributorShares { changed: vec![], untold: vec![oid(3)] });
    }

    #[test]
    fn a_large_repository_is_told_from_one_that_merely_had_a_week_without_lines() {
        let zeros = [week("ada", 0, 3, 0, 0), week("bob", 1, 1, 0, 0), week("bob", 2, 0, 0, 0)];
        assert!(are_zeroed(&zeros, 2) && !are_zeroed(&zeros, 3));
        let mut lines = zeros.to_vec();
        lines.push(week("eve", -9, 1, 1, 0));
        assert!(!are_zeroed(&lines, 2));
        assert!(!are_zeroed(&[], 0));
    }

    proptest! {
        #[test]
        fn shares_add_up_to_the_statistics_and_sharing_again_changes_nothing(
            placed in proptest::collection::vec((0u8..3, 0i64..3 * WEEK, 0u64..50), 1..60),
            told in proptest::collection::vec((0u8..3, 0i64..3, 1u64..9, 0u64..1_000, 0u64..1_000), 0..12),
        ) {
            let mut commits: Vec<CommitLoc> = placed.into_iter().zip(0u8..).map(|((user, after, lines), nth)| {
                let lines = LocChange { additions: lines, deletions: lines / 2 };
                CommitLoc { lines, ..commit(nth, &format!("user-{user}"), SUNDAY + after) }
            }).collect();
            let weeks: Vec<AuthorWeek> =
                told.into_iter().map(|(user, nth, c, a, d)| week(&format!("user-{user}"), nth, c, a, d)).collect();
            let before = commits.clone();
            for (oid, lines) in share_out(&weeks, &commits).changed {
                commits.iter_mut().filter(|commit| commit.oid == oid).for_each(|commit| commit.lines = lines);
            }
            prop_assert!(share_out(&weeks, &commits).changed.is_empty());
            for commit in &commits {
                let same = |w: &&AuthorWeek| w.user == commit.user && w.week == commit.week();
                let group = |all: &[CommitLoc]| all.iter()
                    .filter(|c| c.user == commit.user && c.week() == commit.week())
                    .map(|c| c.lines).fold(LocChange::default(), sum);
                if weeks.iter().any(|week| same(&week)) {
                    let total = weeks.iter().filter(same).map(|week| week.lines).fold(LocChange::default(), sum);
                    prop_assert_eq!(group(&commits), total);
                } else {
                    prop_assert_eq!(group(&commits), group(&before));
                }
            }
        }
    }
}
