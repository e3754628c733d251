//! Which commits are read one by one.

use std::collections::{HashMap, HashSet};

use super::CommitLoc;
use crate::activity::{LocChange, Oid, Timestamp};

/// Commits that are to be read one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommitSample {
    /// The earliest first, because their week is exposed first.
    pub commits: Vec<Oid>,
    /// The number of other commits without lines, which are not read, because their week has
    /// reached its limit.
    pub left_out: usize,
}

/// Chooses among the commits without lines. `without_loc` are those that were read before and have
/// none; they count towards the limit `per_week`, as do commits with lines.
pub fn sample(commits: &[CommitLoc], without_loc: &HashSet<Oid>, per_week: usize) -> CommitSample {
    let is_known =
        |commit: &&CommitLoc| commit.loc != LocChange::default() || without_loc.contains(&commit.oid);
    let mut known: HashMap<Timestamp, usize> = HashMap::new();
    for commit in commits.iter().filter(is_known) {
        *known.entry(commit.week()).or_default() += 1;
    }
    let mut candidates: Vec<&CommitLoc> = commits.iter().filter(|commit| !is_known(commit)).collect();
    candidates.sort_by_key(|commit| (commit.at, commit.oid));
    let mut sample = CommitSample::default();
    for commit in candidates {
        let count = known.entry(commit.week()).or_default();
        if *count < per_week {
            *count += 1;
            sample.commits.push(commit.oid);
        } else {
            sample.left_out += 1;
        }
    }
    sample
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activity::WEEK;

    #[test]
    fn a_week_is_read_up_to_its_limit_including_commits_read_before() {
        let sunday = Timestamp::from_unix(1_794_700_800);
        let oid = |nth: u8| Oid::from_bytes([nth; 20]);
        let commit =
            |nth: u8, at| CommitLoc { oid: oid(nth), user: "ada".into(), at, loc: LocChange::default() };
        let mut commits: Vec<CommitLoc> = (0..6).map(|nth| commit(nth, sunday - i64::from(nth))).collect();
        commits.push(commit(9, sunday + WEEK));
        commits[5].loc.additions = 1;
        let read = HashSet::from([oid(4)]);
        let sample = |per_week| sample(&commits, &read, per_week);
        assert_eq!(sample(9), CommitSample { commits: [3, 2, 1, 0, 9].map(oid).to_vec(), left_out: 0 });
        // One of the week that ends with Sunday has lines, another one was read and has none.
        assert_eq!(sample(3), CommitSample { commits: [3, 0, 9].map(oid).to_vec(), left_out: 2 });
        assert_eq!(sample(1), CommitSample { commits: [0, 9].map(oid).to_vec(), left_out: 3 });
    }
}
