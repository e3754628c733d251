//! Everything known about a repository except its records.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Batch, Coverage, FactCounts, FactId, FoldedBase, HeadRead, Login, Record, RepoKey, RepoMeta, Timestamp,
};

/// Everything the store holds about a repository except its records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepoState {
    pub key: RepoKey,
    pub meta: RepoMeta,
    /// How far its default branch was read; `None` before the first complete read.
    pub head: Option<HeadRead>,
    /// The time that is completely collected.
    pub coverage: Coverage,
    /// Records dated before it were folded into `base` and are refused.
    pub floor: Timestamp,
    /// The number of records that garbage collection removed, by the user they were credited to.
    pub base: BTreeMap<Login, FactCounts>,
}

impl RepoState {
    /// A repository of which only the listing is known.
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

    /// Joins a batch except its records; returns whether the floor rose.
    ///
    /// Floors and bases of two stores merge by maximum: records that one of them has folded, the
    /// other still holds or never had.
    pub fn merge(&mut self, batch: &Batch) -> bool {
        self.meta.merge(&batch.meta);
        if let Some(head) = &batch.head
            && self.head.as_ref().is_none_or(|own| head > own)
        {
            self.head = Some(head.clone());
        }
        self.coverage.merge(&batch.covered);
        for (user, totals) in &batch.folded.base {
            self.base.entry(user.clone()).or_default().merge_max(*totals);
        }
        let rose = batch.folded.floor > self.floor;
        self.floor = self.floor.max(batch.folded.floor);
        // Always, so that the coverage does not depend on the order of batches.
        self.coverage.prune(self.floor);
        rose
    }

    /// A batch that carries everything known about the repository, with these records: writing it
    /// into another store makes that store a copy.
    pub fn into_batch(self, records: Vec<(FactId, Record)>) -> Batch {
        Batch {
            head: self.head,
            records,
            covered: self.coverage,
            folded: FoldedBase { floor: self.floor, base: self.base },
            ..Batch::new(self.key, self.meta)
        }
    }
}
