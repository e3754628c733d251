//! Collecting one repository: the request, what was found, and how it can fail.

use std::collections::HashMap;

use super::{ListedRepository, SourceError};
use crate::activity::{Fact, HeadRead, Oid, RepoId, Timestamp};

/// What a request is for. When the quota does not suffice for everything, the more urgent go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestPriority {
    /// The scheduled scrape.
    Live,
    /// The repair of a window that was missed.
    Backfill,
    /// Lines of code: they enrich the numbers, and nothing depends on them.
    Loc,
}

impl RequestPriority {
    /// Every priority, the most urgent first.
    pub const ALL: [RequestPriority; 3] =
        [RequestPriority::Live, RequestPriority::Backfill, RequestPriority::Loc];

    /// Its name in reports and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            RequestPriority::Live => "live",
            RequestPriority::Backfill => "backfill",
            RequestPriority::Loc => "lines",
        }
    }
}

/// Asks for everything that happened in a repository, or was changed, since an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectRequest {
    pub repository: ListedRepository,
    /// Pull requests, reviews and comments since then.
    pub since: Timestamp,
    /// How far the default branch has been read; commits reachable from there are known.
    pub head: Option<HeadRead>,
    /// How far back to read a default branch that has not been read before.
    pub history_from: Timestamp,
    /// How far back to read a default branch again whose history was rewritten: nothing older is
    /// retained.
    pub retained_from: Timestamp,
    pub priority: RequestPriority,
}

/// How far the default branch was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommitsRead {
    /// It was not read, because nothing was pushed.
    Unchanged,
    /// It is where it was, or it grew: the facts include every new commit.
    Extended {
        /// Its tip; `None` for an empty repository.
        tip: Option<Oid>,
    },
    /// It was read anew: the facts include every commit since `since`; any other known commit since
    /// then is no longer reachable.
    Reread { tip: Option<Oid>, since: Timestamp },
}

/// Everything that was asked for, completely.
#[derive(Clone, Debug)]
pub struct Collection {
    /// The `Date` of the first answer: nothing is claimed about what happened later.
    pub observed_at: Timestamp,
    /// May include facts from before the instant asked for.
    pub facts: Vec<Fact>,
    pub commits: CommitsRead,
}

/// A collection that was cut short; the facts found until then are valid nevertheless.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{error}")]
pub struct CollectFailure {
    #[source]
    pub error: SourceError,
    /// The `Date` of the first answer, if there was one.
    pub observed_at: Option<Timestamp>,
    pub facts: Vec<Fact>,
}

/// The results of several collections by repository; a repository that is missing was not asked
/// for.
pub type CollectionResults = HashMap<RepoId, Result<Collection, CollectFailure>>;
