//! Which commits are read one by one.

use std::collections::{HashMap, HashSet};

use super::CommitLoc;
use crate::activity::{LocChange, Oid, Timestamp};

/// Commits that are to be read one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommitSample {
    /// The earliest first: their week is the first to be shown.
    pub commits: Vec<Oid>,
    /// How many more have no lines and are not read, because their week has had its share.
    pub left_out: usize,
}

/// Chooses among the commits without lines. `read` are those that were read and have none; they count, as all that have
/// lines do, towards the most that are read of a week.
pub fn sample(commits: &[CommitLoc], read: &HashSet<Oid>, per_week: usize) -> CommitSample {
    let is_known = |commit: &&CommitLoc| commit.lines != LocChange::default() || read.contains(&commit.oid);
    let mut known: HashMap<Timestamp, usize> = HashMap::new();
    for commit in commits.iter().filter(is_known) {
        *known.entry(commit.week()).or_default() += 1;
    }
    let mut without: Vec<&CommitLoc> = commits.iter().filter(|commit| !is_known(commit)).collect();
    without.sort_by_key(|commit| (commit.at, commit.oid));
    let mut sample = CommitSample::default();
    for commit in without {
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
    fn a_week_is_read_up_to_its_share_whatever_was_read_before() {
        let sunday = Timestamp::from_unix(1_794_700_800);
        let oid = |nth: u8| Oid::from_bytes([nth; 20]);
        let commit =
            |nth: u8, at| CommitLoc { oid: oid(nth), user: "ada".into(), at, lines: LocChange::default() };
        let mut commits: Vec<CommitLoc> = (0..6).map(|nth| commit(nth, sunday - i64::from(nth))).collect();
        commits.push(commit(9, sunday + WEEK));
        commits[5].lines.additions = 1;
        let read = HashSet::from([oid(4)]);
        let sample = |per_week| sample(&commits, &read, per_week);
        assert_eq!(sample(9), CommitSample { commits: [3, 2, 1, 0, 9].map(oid).to_vec(), left_out: 0 });
        // One of the week that ends with Sunday has lines, another one was read and has none.
        assert_eq!(sample(3), CommitSample { commits: [3, 0, 9].map(oid).to_vec(), left_out: 2 });
        assert_eq!(sample(1), CommitSample { commits: [0, 9].map(oid).to_vec(), left_out: 3 });
    }
}
