//! The repositories of an organisation as a source lists them.

use crate::activity::{RepoId, RepoName, Timestamp};

/// A repository as listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedRepository {
    /// Its node id, which survives a rename.
    pub id: RepoId,
    /// Its current name.
    pub name: RepoName,
    /// When any of its branches was last pushed to; `None` when that is unknown, or never happened.
    pub pushed_at: Option<Timestamp>,
}

/// The repositories that are to be collected.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The `Date` of the first answer.
    pub observed_at: Timestamp,
    /// All of them, in no particular order.
    pub repositories: Vec<ListedRepository>,
}
