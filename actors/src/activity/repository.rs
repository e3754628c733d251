//! What is known of a repository besides its facts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Batch, Coverage, FactCounts, Login, Oid, RepoKey, RepoName, Timestamp};

/// How far the default branch has been read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HeadRead {
    /// When it was read, on GitHub's clock; of two reads the later one wins.
    pub read_at: Timestamp,
    /// The commit at the tip: everything reachable from it, back to the history asked for, is stored.
    /// `None` for an empty repository.
    pub oid: Option<Oid>,
}

/// A repository as last listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepoMeta {
    /// When it was last listed, on GitHub's clock; of two listings the later one wins.
    pub seen_at: Timestamp,
    /// Its name then.
    pub name: RepoName,
    /// When it was first listed; the earliest wins. What is due is counted from here.
    pub first_seen: Timestamp,
}

impl RepoMeta {
    /// Joins another listing of the same repository.
    pub fn merge(&mut self, other: &RepoMeta) {
        if (other.seen_at, &other.name) > (self.seen_at, &self.name) {
            self.seen_at = other.seen_at;
            self.name = other.name.clone();
        }
        self.first_seen = self.first_seen.min(other.first_seen);
    }
}

/// Everything the store holds about a repository except its records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepoState {
    /// Which repository.
    pub key: RepoKey,
    /// Its name and when it was seen.
    pub meta: RepoMeta,
    /// How far its default branch was read; `None` before the first complete read.
    pub head: Option<HeadRead>,
    /// What was completely collected.
    pub coverage: Coverage,
    /// Records dated before it were folded into `base` and are refused.
    pub floor: Timestamp,
    /// What garbage collection removed, by the user it was credited to.
    pub base: BTreeMap<Login, FactCounts>,
}

impl RepoState {
    /// A repository nothing but its listing is known of.
    pub fn new(key: RepoKey, meta: RepoMeta) -> Self {
        RepoState {
            key,
            meta,
            head: None,
            coverage: Coverage::new(),
            floor: Timestamp::MIN,
            base: BTreeMap::new(),
        }
    }

    /// Joins what a batch says of the repository (its records aside); whether the floor rose.
    ///
    /// Floors and bases of two stores merge by maximum: what one of them folded, the other still holds or never had.
    pub fn merge(&mut self, batch: &Batch) -> bool {
        self.meta.merge(&batch.meta);
        if let Some(head) = &batch.head
            && self.head.as_ref().is_none_or(|mine| head > mine)
        {
            self.head = Some(head.clone());
        }
        self.coverage.merge(&batch.covered);
        for (user, totals) in &batch.folded.base {
            self.base.entry(user.clone()).or_default().merge_max(*totals);
        }
        let rose = batch.folded.floor > self.floor;
        self.floor = self.floor.max(batch.folded.floor);
        // Always, so that stores which met in another order end with the same coverage.
        self.coverage.prune(self.floor);
        rose
    }
}
