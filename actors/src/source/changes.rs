//! Polling a whole organisation for what changed, instead of collecting each repository.

use std::collections::HashMap;

use super::{CommitsRead, ListedRepository, SourceError};
use crate::activity::{Fact, FactId, HeadRead, RepoId, RepoName, Timestamp};

/// What is known of a repository before the poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownRepository {
    /// Its name as last listed.
    pub name: RepoName,
    /// How far the default branch has been read.
    pub head: Option<HeadRead>,
    /// How far back to read a default branch that has not been read before.
    pub history_from: Timestamp,
    /// How far back to read a default branch again whose history was rewritten: nothing older is
    /// retained.
    pub retained_from: Timestamp,
}

/// Asks for everything that happened in these repositories, or was changed, since an instant.
#[derive(Clone, Debug)]
pub struct ChangesRequest {
    /// Pushes, pull requests, reviews and comments since then.
    pub since: Timestamp,
    /// The repositories whose coverage reaches `since`.
    pub known: HashMap<RepoId, KnownRepository>,
    pub reconcile: Reconcile,
    /// Repositories with stored reviews or comments in the period that [`Reconcile::Conversations`]
    /// reads again. Only given at the first such poll: afterwards the source remembers them itself.
    pub recently_discussed: Vec<RepoId>,
}

/// How thorough a poll is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reconcile {
    /// Only what GitHub reports as changed.
    Nothing,
    /// Also the tips of all default branches, which finds new, renamed and deleted repositories and
    /// missed pushes.
    Tips,
    /// Also what GitHub's search may have indexed too late, and deletions: conversations changed
    /// since an instant are read again without the search, and recent reviews and comments are
    /// asked for by their ids.
    Conversations { since: Timestamp },
}

/// What changed; everything else that was asked for did not.
#[derive(Clone, Debug)]
pub struct Changes {
    /// The `Date` of the first answer: nothing is claimed about what happened later.
    pub observed_at: Timestamp,
    /// Every repository that is to be collected, if the poll listed them all.
    pub listing: Option<Vec<ListedRepository>>,
    /// Repositories that were seen and are not among the known ones.
    pub unknown: Vec<ListedRepository>,
    pub changed: Vec<RepositoryChanges>,
    /// Why the poll is incomplete. Then no time counts as covered, but the changes are valid.
    pub failure: Option<SourceError>,
}

/// What changed in one repository.
#[derive(Clone, Debug)]
pub struct RepositoryChanges {
    /// The repository with its current name.
    pub repository: ListedRepository,
    /// May include facts from before the instant asked for.
    pub facts: Vec<Fact>,
    /// Facts that are known to have been deleted.
    pub gone: Vec<FactId>,
    /// All reviews and comments dated since then were read: any other known one was deleted.
    pub conversations_reread: Option<Timestamp>,
    pub commits: CommitsRead,
    /// Why this is incomplete.
    pub failure: Option<SourceError>,
}

impl RepositoryChanges {
    /// No changes.
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
