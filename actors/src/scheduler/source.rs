//! The port behind which GitHub is.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;

use super::{Changes, ChangesRequest};
use crate::activity::{Fact, HeadRead, LocChange, Oid, OrgName, RepoId, RepoName, Timestamp};
use crate::loc::AuthorWeek;

/// What kind of trouble GitHub, or the way to it, is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceErrorKind {
    /// The credentials are not accepted.
    Unauthorized,
    /// The credentials lack a permission.
    Forbidden,
    /// It does not exist, or the credentials may not know that it does.
    NotFound,
    /// The server has no such API.
    Unsupported,
    /// The quota is used up, or requests come too fast.
    RateLimited,
    /// No answer, or one that says it is not able to give one now.
    Unavailable,
    /// An answer that makes no sense.
    Malformed,
}

impl SourceErrorKind {
    /// Whether asking again, unchanged, may help.
    pub fn is_transient(self) -> bool {
        matches!(
            self,
            SourceErrorKind::RateLimited | SourceErrorKind::Unavailable | SourceErrorKind::Malformed
        )
    }
}

/// Why something could not be collected.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{org}: {endpoint}: {detail}")]
pub struct SourceError {
    /// What kind of trouble.
    pub kind: SourceErrorKind,
    /// For whom it was asked.
    pub org: OrgName,
    /// What was asked: method and path.
    pub endpoint: String,
    /// What happened, and what to do about it.
    pub detail: String,
    /// How long GitHub wants to be left alone.
    pub retry_after: Option<Duration>,
}

/// A repository as listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedRepository {
    /// Its node id.
    pub id: RepoId,
    /// Its name now.
    pub name: RepoName,
    /// When something was last pushed to any of its branches; `None` when that is not known, or never happened.
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

/// For what something is asked; where there is not enough quota for everything, the earlier go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestPriority {
    /// The scheduled scrape.
    Live,
    /// The repair of a window that was missed.
    Backfill,
    /// What only makes numbers richer.
    Lines,
}

impl RequestPriority {
    /// All of them, the most urgent first.
    pub const ALL: [RequestPriority; 3] =
        [RequestPriority::Live, RequestPriority::Backfill, RequestPriority::Lines];

    /// Its name in states and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            RequestPriority::Live => "live",
            RequestPriority::Backfill => "backfill",
            RequestPriority::Lines => "lines",
        }
    }
}

/// What is wanted of a repository: everything that happened, or was changed, since an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectRequest {
    /// Which.
    pub repository: ListedRepository,
    /// Pull requests, reviews and comments since then.
    pub since: Timestamp,
    /// How far the default branch was read; commits reachable from there are known.
    pub head: Option<HeadRead>,
    /// How far back a default branch is read that was not read before.
    pub history_from: Timestamp,
    /// How far back one is read again that was rewritten: nothing older is kept.
    pub retained_from: Timestamp,
    /// For what.
    pub purpose: RequestPriority,
}

/// What became of the default branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommitsRead {
    /// It was not read, because nothing was pushed.
    Unchanged,
    /// It is where it was, or it grew: the facts hold every commit that is new.
    Extended {
        /// Its tip; `None` for an empty repository.
        tip: Option<Oid>,
    },
    /// It was read anew: the facts hold every commit since `since`; any other known commit since then is gone.
    Reread {
        /// Its tip.
        tip: Option<Oid>,
        /// How far back.
        since: Timestamp,
    },
}

/// Everything that was asked for, completely.
#[derive(Clone, Debug)]
pub struct Collection {
    /// The `Date` of the first answer: nothing is claimed about what happened later.
    pub observed_at: Timestamp,
    /// What happened; may include facts from before the instant asked for.
    pub facts: Vec<Fact>,
    /// What became of the default branch.
    pub commits: CommitsRead,
}

/// A collection that was cut short; what was found until then is true nevertheless.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{error}")]
pub struct CollectFailure {
    /// What cut it short.
    #[source]
    pub error: SourceError,
    /// The `Date` of the first answer, if there was one.
    pub observed_at: Option<Timestamp>,
    /// What was found.
    pub facts: Vec<Fact>,
}

/// What GitHub's weekly statistics of a repository say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statistics {
    /// Nothing yet: they are being computed.
    Computing,
    /// Who did how much, and when.
    Told(Vec<AuthorWeek>),
}

/// What became of several collections, by repository; whoever is not in it was not asked for.
pub type CollectionResults = HashMap<RepoId, Result<Collection, CollectFailure>>;

/// The activity of one organisation. Dropping a future stops what it does at once.
#[async_trait]
pub trait ActivitySource: Send + Sync + 'static {
    /// Lists the repositories that are to be collected.
    async fn list(&self) -> Result<Listing, SourceError>;

    /// Collects one repository.
    async fn collect(&self, request: &CollectRequest) -> Result<Collection, CollectFailure>;

    /// How many repositories are best collected together.
    fn batch_size(&self) -> usize {
        1
    }

    /// Collects several repositories, which may cost less than one at a time.
    async fn collect_many(&self, requests: &[CollectRequest]) -> CollectionResults {
        let mut collections = CollectionResults::with_capacity(requests.len());
        for request in requests {
            collections.insert(request.repository.id.clone(), self.collect(request).await);
        }
        collections
    }

    /// Looks at the whole organisation at once: what changed since an instant, and nothing else did. `None`: this
    /// source cannot; list and collect instead.
    async fn changes(&self, request: &ChangesRequest) -> Result<Option<Changes>, SourceError> {
        let _ = request;
        Ok(None)
    }

    /// Whether collecting tells the lines of commits. Otherwise collected commits have none, and statistics and single
    /// commits are asked for apart.
    fn tells_lines(&self) -> bool {
        true
    }

    /// The weekly statistics of a repository.
    async fn statistics(&self, repository: &ListedRepository) -> Result<Statistics, SourceError> {
        let _ = repository;
        Ok(Statistics::Computing)
    }

    /// The lines of one commit; none of a merge.
    async fn commit_lines(&self, repository: &ListedRepository, oid: Oid) -> Result<LocChange, SourceError> {
        let _ = (repository, oid);
        Ok(LocChange::default())
    }
}
