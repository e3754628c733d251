//! The unit of writing.

use std::collections::BTreeMap;

use super::{Coverage, FactCounts, FactId, HeadRead, Login, Record, RepoKey, RepoMeta, Timestamp};

/// Everything one look at one repository found; written in one transaction, so that coverage never outlives its facts.
///
/// A batch is a set of additions: writing it again, or after any other batch, changes nothing more.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Which repository.
    pub key: RepoKey,
    /// Its listing.
    pub meta: RepoMeta,
    /// The tip of the default branch, when everything reachable from it was read.
    pub head: Option<HeadRead>,
    /// Records to join with what is stored.
    pub records: Vec<(FactId, Record)>,
    /// What is now completely collected.
    pub covered: Coverage,
    /// What garbage collection did in the store this comes from; nothing for what was just observed.
    pub folded: FoldedBase,
}

/// The trace of garbage collection: records dated before `floor` are gone and counted in `base`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoldedBase {
    /// Records dated before it are refused.
    pub floor: Timestamp,
    /// Their number, by the user they were credited to.
    pub base: BTreeMap<Login, FactCounts>,
}

impl Default for FoldedBase {
    fn default() -> Self {
        FoldedBase { floor: Timestamp::MIN, base: BTreeMap::new() }
    }
}

impl Batch {
    /// A batch that says nothing of a repository but that it was listed.
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
