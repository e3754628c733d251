//! How a repository was last listed, and how far its default branch was read.

use serde::{Deserialize, Serialize};

use super::{Oid, RepoName, Timestamp};

/// How far the default branch has been read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HeadRead {
    /// When it was read, on GitHub's clock. Of two reads the later one wins.
    pub read_at: Timestamp,
    /// The commit at the tip; `None` for an empty repository. Everything reachable from it is
    /// stored, back to the requested history.
    pub oid: Option<Oid>,
}

/// A repository as last listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepoMeta {
    /// When it was last listed, on GitHub's clock. Of two listings the later one wins.
    pub seen_at: Timestamp,
    /// Its name at that time.
    pub name: RepoName,
    /// When it was first listed; the earliest wins. The history that is due is counted from here.
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
