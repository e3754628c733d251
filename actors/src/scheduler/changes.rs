//! One look at a whole organisation: what a scrape costs when only what changed is asked for.

use std::collections::HashMap;

use super::{CommitsRead, ListedRepository, SourceError};
use crate::activity::{Fact, FactId, HeadRead, RepoId, RepoName, Timestamp};

/// What is known of a repository that is to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownRepository {
    /// Its name as last listed.
    pub name: RepoName,
    /// How far the default branch was read.
    pub head: Option<HeadRead>,
    /// How far back a default branch is read that was not read before.
    pub history_from: Timestamp,
    /// How far back one is read again that was rewritten: nothing older is kept.
    pub retained_from: Timestamp,
}

/// What is wanted of an organisation: everything that happened in these repositories, or was changed, since an instant.
#[derive(Clone, Debug)]
pub struct ChangesRequest {
    /// Pushes, pull requests, reviews and comments since then.
    pub since: Timestamp,
    /// The repositories that are covered until then.
    pub known: HashMap<RepoId, KnownRepository>,
    /// Whether everything is listed and what was noticed before is looked at again.
    pub reconcile: Reconcile,
    /// Repositories in which somebody is known to have said something since conversations are to be read again; a source
    /// that was there then remembers that by itself.
    pub talked_in: Vec<RepoId>,
}

/// How thoroughly to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reconcile {
    /// Only at what GitHub says was changed.
    Nothing,
    /// At the tips of all default branches, which finds new, renamed and deleted repositories and missed pushes.
    Tips,
    /// Also at what GitHub may have told too late, or has deleted: conversations changed since an instant are read
    /// again without its search, and recent reviews and comments are asked for by their ids.
    Conversations {
        /// The instant.
        since: Timestamp,
    },
}

/// What changed; everything else that was asked for did not.
#[derive(Clone, Debug)]
pub struct Changes {
    /// The `Date` of the first answer: nothing is claimed about what happened later.
    pub observed_at: Timestamp,
    /// Every repository that is to be collected, where all were listed.
    pub listing: Option<Vec<ListedRepository>>,
    /// Repositories that were seen and are not among the known ones.
    pub unknown: Vec<ListedRepository>,
    /// What changed.
    pub changed: Vec<RepositoryChanges>,
    /// Why it is not certain that nothing else did: then nothing counts as covered, but what was found is true.
    pub failure: Option<SourceError>,
}

/// What changed in one repository.
#[derive(Clone, Debug)]
pub struct RepositoryChanges {
    /// Which, with its present name.
    pub repository: ListedRepository,
    /// What happened; may include facts from before the instant asked for.
    pub facts: Vec<Fact>,
    /// What is known to have been deleted.
    pub gone: Vec<FactId>,
    /// Reviews and comments dated since then were all read: any other known one is gone.
    pub conversations_reread: Option<Timestamp>,
    /// What became of the default branch.
    pub commits: CommitsRead,
    /// Why this is not all of it.
    pub failure: Option<SourceError>,
}

impl RepositoryChanges {
    /// Nothing yet.
    pub fn none(repository: ListedRepository) -> Self {
        RepositoryChanges {
            repository,
            facts: Vec::new(),
            gone: Vec::new(),
            conversations_reread: None,
            commits: CommitsRead::Unchanged,
            failure: None,
        }
    }
}
