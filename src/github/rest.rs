//! The REST source: for servers without GraphQL, and where no token is given.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use github_stats_actors::activity::{Fact, FactId, LocChange, Oid, RepoId, Timestamp};
use github_stats_actors::source::{
    ActivitySource, CollectFailure, CollectRequest, Collection, CommitsRead, ListedRepository, Listing,
    SourceError, SourceErrorKind, Statistics,
};
use serde::de::DeserializeOwned;

use super::client::GithubClient;
use super::rest_response::RestResponse;
use super::{identity, loc, model};

/// How much earlier than asked for is read again, because GitHub's lists may lag behind its events.
const OVERLAP: i64 = 120;
/// A branch is read again for this long after a push: two pushes may share a second, and lists may lag.
const PUSH_OVERLAP: i64 = 600;

/// Says by its name whether a repository is collected.
pub type RepoSelector = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// Collects the activity of one organisation, or of one user account, over REST.
pub struct RestSource {
    client: GithubClient,
    selects: RepoSelector,
    /// Whether the name turned out to be a user's.
    is_user: AtomicBool,
}

impl RestSource {
    /// A source of the client's organisation.
    pub fn new(client: GithubClient, selects: RepoSelector) -> Self {
        RestSource { client, selects, is_user: AtomicBool::new(false) }
    }

    async fn list_pages(&self, prefix: &str) -> Result<Listing, SourceError> {
        let first = format!("/{prefix}/{}/repos?per_page=100&sort=full_name", self.client.org());
        let mut pages = Pages::new(&self.client, "list_repositories", first);
        let mut repositories = Vec::new();
        while let Some(page) = pages.next::<Vec<model::Repository>>().await? {
            repositories.extend(page.into_iter().filter(|listed| (self.selects)(&listed.name)).map(
                |listed| ListedRepository {
                    id: RepoId::from(listed.node_id),
                    name: listed.name.into(),
                    pushed_at: listed.pushed_at,
                },
            ));
        }
        let observed_at = pages.observed_at.ok_or_else(|| undated(&self.client))?;
        Ok(Listing { observed_at, repositories })
    }
}

/// Nothing can be claimed on the word of a server that does not say when it spoke.
pub(super) fn undated(client: &GithubClient) -> SourceError {
    SourceError {
        kind: SourceErrorKind::Malformed,
        org: client.org().clone(),
        endpoint: "every request".into(),
        detail: "the answers carry no Date header, so nothing is known about what they cover; is a proxy removing it?"
            .into(),
        retry_after: None,
    }
}

#[async_trait]
impl ActivitySource for RestSource {
    async fn list(&self) -> Result<Listing, SourceError> {
        if self.is_user.load(Ordering::Relaxed) {
            return self.list_pages("users").await;
        }
        match self.list_pages("orgs").await {
            Err(error) if error.kind == SourceErrorKind::NotFound => {
                let listing = self.list_pages("users").await.map_err(|_| error)?;
                self.is_user.store(true, Ordering::Relaxed);
                Ok(listing)
            }
            listing => listing,
        }
    }

    async fn collect(&self, request: &CollectRequest) -> Result<Collection, CollectFailure> {
        let client = self.client.for_purpose(request.priority);
        let reading = Reading::new(&client, request);
        let commits = reading.everything().await;
        let Found { facts, observed_at } = reading.finish();
        match (commits, observed_at) {
            (Ok(commits), Some(observed_at)) => Ok(Collection { observed_at, facts, commits }),
            (Ok(_), None) => Err(CollectFailure { error: undated(&self.client), observed_at, facts }),
            (Err(error), _) => Err(CollectFailure { error, observed_at, facts }),
        }
    }

    fn includes_loc(&self) -> bool {
        false
    }

    async fn statistics(&self, repository: &ListedRepository) -> Result<Statistics, SourceError> {
        loc::statistics(&self.client, repository).await
    }

    async fn commit_loc(&self, repository: &ListedRepository, oid: Oid) -> Result<LocChange, SourceError> {
        loc::commit(&self.client, repository, oid).await
    }
}

/// What was found so far; kept outside the reading futures, so that a failure loses nothing of it.
#[derive(Default)]
struct Found {
    facts: Vec<Fact>,
    /// The `Date` of the first answer.
    observed_at: Option<Timestamp>,
}

/// One look at one repository.
struct Reading<'a> {
    client: &'a GithubClient,
    request: &'a CollectRequest,
    /// `/repos/{owner}/{name}`.
    root: String,
    found: Arc<Mutex<Found>>,
}

impl<'a> Reading<'a> {
    fn new(client: &'a GithubClient, request: &'a CollectRequest) -> Self {
        let root = format!("/repos/{}/{}", client.org(), request.repository.name);
        Reading { client, request, root, found: Arc::default() }
    }

    fn finish(self) -> Found {
        std::mem::take(&mut *self.found.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, facts: impl IntoIterator<Item = Fact>) {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).facts.extend(facts);
    }

    fn observe(&self, date: Option<Timestamp>) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.observed_at = found.observed_at.or(date);
    }

    async fn everything(&self) -> Result<CommitsRead, SourceError> {
        let commits = self.commits().await?;
        self.pull_requests().await?;
        self.comments().await?;
        Ok(commits)
    }

    /// Asks for the next page, and notes the date of the first answer of all.
    async fn page<T: DeserializeOwned>(&self, pages: &mut Pages<'_>) -> Result<Option<T>, SourceError> {
        let page = pages.next().await;
        self.observe(pages.observed_at);
        page
    }

    fn since(&self) -> Timestamp {
        self.request.since - OVERLAP
    }
}

// === Commits, by the tip of the default branch ===

impl Reading<'_> {
    async fn commits(&self) -> Result<CommitsRead, SourceError> {
        let known = self.request.head.as_ref();
        if let (Some(head), Some(pushed_at)) = (known, self.request.repository.pushed_at)
            && pushed_at + PUSH_OVERLAP < head.read_at
        {
            return Ok(CommitsRead::Unchanged);
        }
        let Some(tip) = self.tip().await? else { return Ok(CommitsRead::Extended { tip: None }) };
        match known.map(|head| head.oid) {
            Some(Some(old)) if old == tip => Ok(CommitsRead::Extended { tip: Some(tip) }),
            Some(Some(old)) => self.advance(old, tip).await,
            // It was empty: everything there is was pushed since, whatever its dates.
            Some(None) => self.walk(tip, None).await.map(|()| CommitsRead::Extended { tip: Some(tip) }),
            None => self.reread(tip).await,
        }
    }

    /// The tip of the default branch; `None` for an empty repository.
    async fn tip(&self) -> Result<Option<Oid>, SourceError> {
        let path = format!("{}/commits?per_page=1", self.root);
        let answer = self.client.get("list_commits", &path, &[409]).await?;
        self.observe(answer.date());
        if answer.status.as_u16() == 409 {
            return Ok(None);
        }
        let newest: Vec<model::Commit> = self.client.parse(&path, &answer)?;
        newest.first().map(|commit| self.oid(&commit.sha, &path)).transpose()
    }

    /// Reads what is reachable from the tip and not from the old one.
    async fn advance(&self, old: Oid, tip: Oid) -> Result<CommitsRead, SourceError> {
        let first = format!("{}/compare/{old}...{tip}?per_page=100", self.root);
        let mut pages = Pages::new(self.client, "compare_commits", first).missing_ok();
        while let Some(page) = self.page::<model::Comparison>(&mut pages).await? {
            if !matches!(page.status.as_str(), "ahead" | "identical") {
                return self.reread(tip).await;
            }
            self.add_commits(page.commits)?;
        }
        // GitHub no longer knows the old commit: the branch was rewritten.
        if pages.was_missing { self.reread(tip).await } else { Ok(CommitsRead::Extended { tip: Some(tip) }) }
    }

    /// Reads the branch back to the end of what is kept, or of history where nothing is; what is not found again is gone.
    async fn reread(&self, tip: Oid) -> Result<CommitsRead, SourceError> {
        let was_read = self.request.head.is_some();
        let since = if was_read { self.request.retained_from } else { self.request.history_from };
        self.walk(tip, Some(since)).await?;
        Ok(CommitsRead::Reread { tip: Some(tip), since })
    }

    async fn walk(&self, tip: Oid, since: Option<Timestamp>) -> Result<(), SourceError> {
        let mut first = format!("{}/commits?sha={tip}&per_page=100", self.root);
        if let Some(since) = since {
            first.push_str(&format!("&since={}", rfc3339(since)));
        }
        let mut pages = Pages::new(self.client, "list_commits", first);
        while let Some(page) = self.page::<Vec<model::Commit>>(&mut pages).await? {
            self.add_commits(page)?;
        }
        Ok(())
    }

    /// Lines come later, from the statistics: asking for each commit would cost a point a commit.
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

impl Reading<'_> {
    /// Newest change first, and no further than asked for.
    async fn pull_requests(&self) -> Result<(), SourceError> {
        let first = format!("{}/pulls?state=all&sort=updated&direction=desc&per_page=100", self.root);
        let mut pages = Pages::new(self.client, "list_pulls", first);
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
        let mut pages = Pages::new(self.client, "list_reviews", first);
        while let Some(page) = self.page::<Vec<model::Review>>(&mut pages).await? {
            self.add(page.iter().filter_map(review_fact));
        }
        Ok(())
    }

    async fn comments(&self) -> Result<(), SourceError> {
        // Oldest first: a comment that is written meanwhile then moves no other one to a page already read.
        let since = rfc3339(self.since());
        let first =
            format!("{}/issues/comments?since={since}&sort=created&direction=asc&per_page=100", self.root);
        let mut pages = Pages::new(self.client, "list_issue_comments", first);
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

/// A pending review has not been submitted: it is no fact yet.
fn review_fact(review: &model::Review) -> Option<Fact> {
    let at = review.submitted_at.filter(|_| review.state != "PENDING")?;
    let user = identity::actor(review.user.as_ref());
    Some(Fact { id: FactId::Review(review.id), user, at, loc: LocChange::default() })
}

/// As GitHub writes times.
pub(super) fn rfc3339(at: Timestamp) -> String {
    jiff::Timestamp::from_second(at.as_unix()).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
}

// === Pages ===

/// Follows `Link` headers, one page at a time.
struct Pages<'a> {
    client: &'a GithubClient,
    endpoint: &'static str,
    next: Option<String>,
    expected: &'static [u16],
    /// The `Date` of the first answer.
    observed_at: Option<Timestamp>,
    /// Whether what was asked for does not exist.
    was_missing: bool,
}

impl<'a> Pages<'a> {
    fn new(client: &'a GithubClient, endpoint: &'static str, first: String) -> Self {
        Pages { client, endpoint, next: Some(first), expected: &[], observed_at: None, was_missing: false }
    }

    /// Ends instead of failing when what is asked for does not exist.
    fn missing_ok(self) -> Self {
        Pages { expected: &[404], ..self }
    }

    async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, SourceError> {
        let Some(path) = self.next.take() else { return Ok(None) };
        let answer: RestResponse = self.client.get(self.endpoint, &path, self.expected).await?;
        self.observed_at = self.observed_at.or(answer.date());
        if answer.status.as_u16() == 404 {
            self.was_missing = true;
            return Ok(None);
        }
        self.next = answer.next_page();
        self.client.parse(&path, &answer).map(Some)
    }
}
