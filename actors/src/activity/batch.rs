//! The unit of writing to the store.

use std::collections::BTreeMap;

use super::{Coverage, FactCounts, FactId, HeadRead, Login, Record, RepoKey, RepoMeta, Timestamp};

/// Everything that one collection of one repository found. It is written in one transaction, so
/// that there is no coverage without its facts.
///
/// Writing a batch is a set union: repeating it, or changing the order of batches, makes no
/// difference.
#[derive(Clone, Debug)]
pub struct Batch {
    pub key: RepoKey,
    /// Its listing.
    pub meta: RepoMeta,
    /// The tip of the default branch, if everything reachable from it was read.
    pub head: Option<HeadRead>,
    /// Records to join with what is stored.
    pub records: Vec<(FactId, Record)>,
    /// The time that is now completely collected.
    pub covered: Coverage,
    /// The effect of garbage collection in the store that a copy comes from; empty for new
    /// observations.
    pub folded: FoldedBase,
}

/// The effect of garbage collection: records dated before `floor` were removed and are counted in
/// `base`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoldedBase {
    /// Records dated before it are refused.
    pub floor: Timestamp,
    /// The number of removed records, by the user they were credited to.
    pub base: BTreeMap<Login, FactCounts>,
}

impl Default for FoldedBase {
    fn default() -> Self {
        FoldedBase { floor: Timestamp::MIN, base: BTreeMap::new() }
    }
}

impl Batch {
    /// A batch that contains only the listing of a repository.
    pub fn new(key: RepoKey, meta: RepoMeta) -> Self {
        Batch {
            key,
            meta,
            head: None,
            records: Vec::new(),
            covered: Coverage::new(),
            folded: FoldedBase::default(),
        }
    }
}
