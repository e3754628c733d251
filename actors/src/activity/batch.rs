//! The unit of writing.

use super::{Coverage, FactId, HeadRead, Record, RepoKey, RepoMeta};

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
}
