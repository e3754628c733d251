//! The walk from a new branch tip back to a known one, which decides which commits are still to be
//! read.

use std::collections::HashSet;

use github_stats_actors::activity::Oid;

/// A walk over commits in the order GitHub lists them, children before parents and the newest
/// first.
///
/// Dates do not help: if a branch of old commits has just been merged, they are listed behind the
/// known tip. The walk is done when every commit named as a parent has been read or was reachable
/// before.
#[derive(Debug)]
pub struct HistoryWalk {
    old: HashSet<Oid>,
    read: HashSet<Oid>,
    /// Named as a parent, not read, and not known to be old.
    open: HashSet<Oid>,
    known: Oid,
    has_met: bool,
}

impl HistoryWalk {
    /// From `tip` back to `known`.
    pub fn new(tip: Oid, known: Oid) -> Self {
        HistoryWalk {
            old: HashSet::from([known]),
            read: HashSet::new(),
            open: HashSet::from([tip]).into_iter().filter(|oid| *oid != known).collect(),
            known,
            has_met: tip == known,
        }
    }

    /// Records the next commit of the list.
    pub fn record(&mut self, oid: Oid, parents: &[Oid]) {
        self.read.insert(oid);
        self.open.remove(&oid);
        self.has_met |= oid == self.known || parents.contains(&self.known);
        let is_old = self.old.contains(&oid);
        for parent in parents {
            if is_old {
                self.old.insert(*parent);
                self.open.remove(parent);
            } else if !self.old.contains(parent) && !self.read.contains(parent) {
                self.open.insert(*parent);
            }
        }
    }

    /// Whether every new commit has been read.
    pub fn is_done(&self) -> bool {
        self.open.is_empty()
    }

    /// Whether the known tip has been found to be reachable from the new one.
    pub fn has_met(&self) -> bool {
        self.has_met
    }

    /// Whether a commit has been found to be reachable from the known tip.
    pub fn is_old(&self, oid: &Oid) -> bool {
        self.old.contains(oid)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn oid(n: usize) -> Oid {
        let mut bytes = [0; 20];
        bytes[..8].copy_from_slice(&(n as u64).to_be_bytes());
        Oid::from_bytes(bytes)
    }

    #[test]
    fn a_fast_forward_is_done_when_the_known_tip_is_named() {
        let mut walk = HistoryWalk::new(oid(3), oid(1));
        walk.record(oid(3), &[oid(2)]);
        assert!(!walk.is_done());
        walk.record(oid(2), &[oid(1)]);
        assert!(walk.is_done() && walk.has_met());
    }

    #[test]
    fn a_merged_branch_of_older_commits_is_read_beyond_the_known_tip() {
        // 1 ← 2 (known), 1 ← 3 ← 4 (branch, older than 2), 5 merges both.
        let mut walk = HistoryWalk::new(oid(5), oid(2));
        walk.record(oid(5), &[oid(2), oid(4)]);
        walk.record(oid(2), &[oid(1)]);
        assert!(!walk.is_done());
        walk.record(oid(4), &[oid(3)]);
        walk.record(oid(3), &[oid(1)]);
        assert!(walk.is_done() && walk.has_met() && walk.is_old(&oid(1)));
    }

    #[test]
    fn a_rewritten_branch_never_meets_the_known_tip() {
        let mut walk = HistoryWalk::new(oid(9), oid(2));
        walk.record(oid(9), &[oid(1)]);
        walk.record(oid(1), &[]);
        assert!(walk.is_done() && !walk.has_met());
    }

    proptest! {
        /// Compared with the definition: reachable from the new tip and not from the known one.
        #[test]
        fn every_new_commit_is_read(parents in proptest::collection::vec((0usize..6, 0usize..6, any::<bool>()), 1..40), at in 0usize..40) {
            let parents: Vec<Vec<usize>> = std::iter::once(vec![])
                .chain(parents.iter().enumerate().map(|(n, (a, b, merge))| {
                    let mut all = vec![n.saturating_sub(*a)];
                    if *merge { all.push(n.saturating_sub(*b)); }
                    all.dedup();
                    all
                }))
                .collect();
            let (tip, known) = (parents.len() - 1, at % parents.len());
            let reachable = |from: usize| {
                let (mut seen, mut todo) = (HashSet::new(), vec![from]);
                while let Some(n) = todo.pop() {
                    if seen.insert(n) { todo.extend(&parents[n]); }
                }
                seen
            };
            let (from_tip, from_known) = (reachable(tip), reachable(known));
            let mut walk = HistoryWalk::new(oid(tip), oid(known));
            let mut read = HashSet::new();
            for n in (0..=tip).rev().filter(|n| from_tip.contains(n)) {
                if walk.is_done() { break; }
                walk.record(oid(n), &parents[n].iter().map(|p| oid(*p)).collect::<Vec<_>>());
                read.insert(n);
            }
            prop_assert!(walk.is_done());
            for n in from_tip.difference(&from_known) {
                prop_assert!(read.contains(n), "{n} was missed");
            }
            if from_tip.contains(&known) { prop_assert!(walk.has_met()); }
        }
    }
}
