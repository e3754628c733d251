//! Reads the activity of one repository.

use std::sync::{Arc, Mutex, PoisonError};

use github_stats_actors::activity::{Fact, FactId, HeadRead, LocChange, Oid, Timestamp};
use github_stats_actors::source::{CollectRequest, CommitsRead, SourceError, SourceErrorKind};
use serde::de::DeserializeOwned;

use super::model;
use super::paginated_list::PaginatedList;
use crate::github::client::GithubClient;
use crate::github::identity;
use crate::github::time_format::rfc3339;

/// How much earlier than requested to read, in seconds, because GitHub's lists lag behind its
/// events.
const OVERLAP: i64 = 120;
/// A branch is read again for this many seconds after a push: two pushes may share a second, and
/// lists lag.
const PUSH_OVERLAP: i64 = 600;

/// The facts found so far. Kept outside the futures that read, so that a failure loses none of
/// them.
#[derive(Default)]
pub struct FoundFacts {
    pub facts: Vec<Fact>,
    /// The `Date` of the first response.
    pub observed_at: Option<Timestamp>,
}

/// Reads one repository once.
pub struct RepositoryReader<'a> {
    client: &'a GithubClient,
    request: &'a CollectRequest,
    /// `/repos/{owner}/{name}`.
    root: String,
    found: Arc<Mutex<FoundFacts>>,
}

impl<'a> RepositoryReader<'a> {
    pub fn new(client: &'a GithubClient, request: &'a CollectRequest) -> Self {
        let root = format!("/repos/{}/{}", client.org(), request.repository.name);
        RepositoryReader { client, request, root, found: Arc::default() }
    }

    /// The facts found, also after a failure.
    pub fn finish(self) -> FoundFacts {
        std::mem::take(&mut *self.found.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, facts: impl IntoIterator<Item = Fact>) {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).facts.extend(facts);
    }

    fn observe(&self, date: Option<Timestamp>) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.observed_at = found.observed_at.or(date);
    }

    /// Reads commits, pull requests with their reviews, and comments.
    pub async fn read_all(&self) -> Result<CommitsRead, SourceError> {
        let commits = self.commits().await?;
        self.pull_requests().await?;
        self.comments().await?;
        Ok(commits)
    }

    /// Reads the next page, and records the date of the first response.
    async fn page<T: DeserializeOwned>(
        &self,
        pages: &mut PaginatedList<'_>,
    ) -> Result<Option<T>, SourceError> {
        let page = pages.next().await;
        self.observe(pages.observed_at);
        page
    }

    fn since(&self) -> Timestamp {
        self.request.since - OVERLAP
    }
}

// === Commits, by the tip of the default branch ===

impl RepositoryReader<'_> {
    async fn commits(&self) -> Result<CommitsRead, SourceError> {
        let known = self.request.head.as_ref();
        if let (Some(head), Some(pushed_at)) = (known, self.request.repository.pushed_at)
            && pushed_at + PUSH_OVERLAP < head.read_at
        {
            return Ok(CommitsRead::Unchanged);
        }
        let Some(tip) = self.tip().await? else { return Ok(CommitsRead::Extended { tip: None }) };
        let extended = CommitsRead::Extended { tip: Some(tip) };
        match known {
            Some(HeadRead { oid: Some(old), .. }) if *old == tip => Ok(extended),
            Some(HeadRead { oid: Some(old), .. }) => self.read_since_tip(*old, tip).await,
            // The repository was empty: all its commits were pushed since, whatever their dates.
            Some(HeadRead { oid: None, .. }) => self.read_history(tip, None).await.map(|()| extended),
            None => self.reread(tip).await,
        }
    }

    /// The tip of the default branch; `None` for an empty repository.
    async fn tip(&self) -> Result<Option<Oid>, SourceError> {
        let path = format!("{}/commits?per_page=1", self.root);
        let response = self.client.get("list_commits", &path, &[409]).await?;
        self.observe(response.date());
        if response.status.as_u16() == 409 {
            return Ok(None);
        }
        let newest: Vec<model::Commit> = self.client.parse(&path, &response)?;
        newest.first().map(|commit| self.oid(&commit.sha, &path)).transpose()
    }

    /// Reads the commits reachable from the new tip and not from the old one.
    async fn read_since_tip(&self, old: Oid, tip: Oid) -> Result<CommitsRead, SourceError> {
        let first = format!("{}/compare/{old}...{tip}?per_page=100", self.root);
        let mut pages = PaginatedList::new(self.client, "compare_commits", first).missing_ok();
        while let Some(page) = self.page::<model::Comparison>(&mut pages).await? {
            if !matches!(page.status.as_str(), "ahead" | "identical") {
                return self.reread(tip).await;
            }
            self.add_commits(page.commits)?;
        }
        // If GitHub no longer knows the old commit, the branch was rewritten.
        if pages.was_missing { self.reread(tip).await } else { Ok(CommitsRead::Extended { tip: Some(tip) }) }
    }

    /// Reads the branch back to the retention limit, or to the configured history if it was never
    /// read. Stored commits that are not found again are gone.
    async fn reread(&self, tip: Oid) -> Result<CommitsRead, SourceError> {
        let was_read = self.request.head.is_some();
        let since = if was_read { self.request.retained_from } else { self.request.history_from };
        self.read_history(tip, Some(since)).await?;
        Ok(CommitsRead::Reread { tip: Some(tip), since })
    }

    async fn read_history(&self, tip: Oid, since: Option<Timestamp>) -> Result<(), SourceError> {
        let mut first = format!("{}/commits?sha={tip}&per_page=100", self.root);
        if let Some(since) = since {
            first.push_str(&format!("&since={}", rfc3339(since)));
        }
        let mut pages = PaginatedList::new(self.client, "list_commits", first);
        while let Some(page) = self.page::<Vec<model::Commit>>(&mut pages).await? {
            self.add_commits(page)?;
        }
        Ok(())
    }

    /// Lines of code come later, from the statistics: requesting each commit would cost a point per
    /// commit.
    fn add_commits(&self, commits: Vec<model::Commit>) -> Result<(), SourceError> {
        commits.iter().try_for_each(|commit| {
            self.add([self.commit_fact(commit)?]);
            Ok(())
        })
    }

    fn commit_fact(&self, commit: &model::Commit) -> Result<Fact, SourceError> {
        let oid = self.oid(&commit.sha, &format!("{}/commits/{}", self.root, commit.sha))?;
        let signature = commit.commit.committer.as_ref().or(commit.commit.author.as_ref());
        let at = signature.and_then(|signature| signature.date).unwrap_or_default();
        let user = identity::commit_author(commit.author.as_ref());
        Ok(Fact { id: FactId::Commit(oid), user, at, loc: commit.lines() })
    }

    fn oid(&self, sha: &str, path: &str) -> Result<Oid, SourceError> {
        sha.parse().map_err(|error| SourceError {
            kind: SourceErrorKind::Malformed,
            org: self.client.org().clone(),
            endpoint: format!("GET {path}"),
            detail: format!("{error}"),
            retry_after: None,
        })
    }
}

// === Pull requests, reviews and comments, by time of change ===

impl RepositoryReader<'_> {
    /// Reads the most recently changed first, back to the requested time.
    async fn pull_requests(&self) -> Result<(), SourceError> {
        let first = format!("{}/pulls?state=all&sort=updated&direction=desc&per_page=100", self.root);
        let mut pages = PaginatedList::new(self.client, "list_pulls", first);
        while let Some(page) = self.page::<Vec<model::PullRequest>>(&mut pages).await? {
            for pull in page {
                if pull.updated_at < self.since() {
                    return Ok(());
                }
                self.pull_request(&pull).await?;
            }
        }
        Ok(())
    }

    async fn pull_request(&self, pull: &model::PullRequest) -> Result<(), SourceError> {
        let user = identity::actor(pull.user.as_ref());
        let fact = |id, at| Fact { id, user: user.clone(), at, loc: LocChange::default() };
        self.add([fact(FactId::PrOpened(pull.number), pull.created_at)]);
        self.add(pull.merged_at.map(|at| fact(FactId::PrMerged(pull.number), at)));
        let first = format!("{}/pulls/{}/reviews?per_page=100", self.root, pull.number);
        let mut pages = PaginatedList::new(self.client, "list_reviews", first);
        while let Some(page) = self.page::<Vec<model::Review>>(&mut pages).await? {
            self.add(page.iter().filter_map(review_fact));
        }
        Ok(())
    }

    async fn comments(&self) -> Result<(), SourceError> {
        // Oldest first, so that a comment written meanwhile moves no other one to a page already
        // read.
        let since = rfc3339(self.since());
        let first =
            format!("{}/issues/comments?since={since}&sort=created&direction=asc&per_page=100", self.root);
        let mut pages = PaginatedList::new(self.client, "list_issue_comments", first);
        while let Some(page) = self.page::<Vec<model::Comment>>(&mut pages).await? {
            self.add(page.iter().map(|comment| Fact {
                id: FactId::IssueComment(comment.id),
                user: identity::actor(comment.user.as_ref()),
                at: comment.created_at,
                loc: LocChange::default(),
            }));
        }
        Ok(())
    }
}

/// `None` for a pending review, which has not been submitted yet.
fn review_fact(review: &model::Review) -> Option<Fact> {
    let at = review.submitted_at.filter(|_| review.state != "PENDING")?;
    let user = identity::actor(review.user.as_ref());
    Some(Fact { id: FactId::Review(review.id), user, at, loc: LocChange::default() })
}
