//! The commits of many default branches.

use std::collections::HashMap;

use futures::stream::{self, StreamExt};
use github_stats_actors::activity::{Fact, HeadRead, Oid, RepoId, RepoName, Timestamp};
use github_stats_actors::source::{CommitsRead, SourceError, SourceErrorKind};
use serde_json::json;

use super::batch_size::BatchSize;
use super::convert;
use super::history_walk::HistoryWalk;
use super::model::{Commit, Connection, NodeData, Repository};
use super::queries::{HISTORY, HISTORY_PAGE};
use super::session::{GraphqlRequest, GraphqlSession};
use crate::github::rest::model::Comparison;
use crate::github::time_format::rfc3339;

/// Branches whose further pages are read concurrently.
const CONCURRENCY: usize = 4;
/// Pages read in search of the known tip before a REST request finds out whether it is reachable at
/// all.
const PAGES_BEFORE_COMPARISON: usize = 2;

/// A default branch to read.
#[derive(Clone, Debug)]
pub struct BranchRequest {
    pub id: RepoId,
    pub name: RepoName,
    /// The tip up to which it was read; `None` if it was never read.
    pub head: Option<HeadRead>,
    /// How far back to read if it was never read.
    pub history_from: Timestamp,
    /// How far back to read if it was rewritten.
    pub retained_from: Timestamp,
}

/// The commits read of a branch.
#[derive(Debug)]
pub struct BranchCommits {
    /// The commits, also those read before a failure.
    pub facts: Vec<Fact>,
    /// How they relate to those that are stored.
    pub commits: Result<CommitsRead, SourceError>,
}

impl BranchCommits {
    fn failed(error: SourceError) -> Self {
        BranchCommits { facts: Vec::new(), commits: Err(error) }
    }
}

/// The batch sizes of the queries for commits.
#[derive(Debug)]
pub struct CommitBatchSizes {
    /// Branches that were read before: few new commits each. 20 × (1 + 6) connections cost a point.
    pub advance: BatchSize,
    /// Branches that were not read before: 20 × (1 + 20) connections cost four points.
    pub reread: BatchSize,
    /// A further page of one branch: 1 + 99 connections cost a point.
    pub page: BatchSize,
}

impl Default for CommitBatchSizes {
    fn default() -> Self {
        CommitBatchSizes {
            advance: BatchSize::new(20, 6),
            reread: BatchSize::new(20, 20),
            page: BatchSize::new(1, 99),
        }
    }
}

/// The first page of a branch.
struct FirstPage {
    tip: Oid,
    history: Connection<Commit>,
}

impl GraphqlSession {
    /// Reads these branches.
    pub async fn fetch_branches(
        &self,
        sizes: &CommitBatchSizes,
        requests: Vec<BranchRequest>,
    ) -> HashMap<RepoId, BranchCommits> {
        let had_commits =
            |request: &BranchRequest| request.head.as_ref().is_some_and(|head| head.oid.is_some());
        let (known, unknown): (Vec<_>, Vec<_>) = requests.into_iter().partition(had_commits);
        let (was_empty, unknown): (Vec<_>, Vec<_>) =
            unknown.into_iter().partition(|request| request.head.is_some());
        let since = unknown.iter().map(|request| request.history_from).min();
        let mut branches = self.fetch_group(sizes, &sizes.advance, known, None).await;
        branches.extend(self.fetch_group(sizes, &sizes.reread, was_empty, None).await);
        branches.extend(self.fetch_group(sizes, &sizes.reread, unknown, since).await);
        branches
    }

    async fn fetch_group(
        &self,
        sizes: &CommitBatchSizes,
        batch_size: &BatchSize,
        requests: Vec<BranchRequest>,
        since: Option<Timestamp>,
    ) -> HashMap<RepoId, BranchCommits> {
        let ids: Vec<&str> = requests.iter().map(|request| request.id.as_str()).collect();
        let mut first_pages: Vec<Result<Option<FirstPage>, SourceError>> = Vec::new();
        first_pages.resize_with(ids.len(), || Err(self.no_response_error()));
        let query = |ids: &[&str], page: usize| GraphqlRequest {
            query: HISTORY,
            variables: json!({ "ids": ids, "first": page, "since": since.map(rfc3339) }),
            connections: 1 + ids.len() * (1 + page),
            can_shrink: batch_size.can_shrink(),
        };
        self.fetch_nodes::<Repository>(batch_size, &ids, query, |result| {
            first_pages[result.index] = match (result.node, result.error) {
                (_, Some(error)) => Err(error),
                (Some(node), None) => self.first_page(node),
                (None, None) => Err(self.error(SourceErrorKind::NotFound, "it no longer exists".into())),
            };
        })
        .await;
        // A lazy stream of borrowing futures is not `Send`; collected futures that own their
        // requests are.
        let branches: Vec<_> = requests
            .into_iter()
            .zip(first_pages)
            .map(|(request, first)| async move {
                let branch = self.fetch_branch(sizes, &request, first, since).await;
                (request.id, branch)
            })
            .collect();
        stream::iter(branches).buffer_unordered(CONCURRENCY).collect().await
    }

    fn first_page(&self, node: Repository) -> Result<Option<FirstPage>, SourceError> {
        let Some(target) = node.default_branch_ref.and_then(|branch| branch.target) else { return Ok(None) };
        let tip = self.oid(target.oid.as_deref())?;
        Ok(Some(FirstPage { tip, history: target.history.unwrap_or_default() }))
    }

    async fn fetch_branch(
        &self,
        sizes: &CommitBatchSizes,
        request: &BranchRequest,
        first: Result<Option<FirstPage>, SourceError>,
        since: Option<Timestamp>,
    ) -> BranchCommits {
        let first = match first {
            Ok(Some(first)) => first,
            Ok(None) => return without_commits(request),
            Err(error) => return BranchCommits::failed(error),
        };
        let tip = first.tip;
        let mut reader = BranchReader { session: self, sizes, request, tip, facts: Vec::new() };
        let commits = match &request.head {
            Some(HeadRead { oid: Some(known), .. }) => reader.read_since_tip(*known, first.history).await,
            // The branch was empty: all its commits were pushed since, whatever their dates.
            Some(HeadRead { oid: None, .. }) => {
                let read = reader.read_all(first.history, None).await;
                read.map(|()| CommitsRead::Extended { tip: Some(tip) })
            }
            None => {
                let since = since.unwrap_or(request.history_from);
                let read = reader.read_all(first.history, Some(since)).await;
                read.map(|()| CommitsRead::Reread { tip: Some(tip), since })
            }
        };
        let mut facts = reader.facts;
        if request.head.is_none() {
            facts.retain(|fact| fact.at >= request.history_from);
        }
        BranchCommits { facts, commits }
    }

    fn oid(&self, text: Option<&str>) -> Result<Oid, SourceError> {
        text.unwrap_or_default()
            .parse()
            .map_err(|error| self.error(SourceErrorKind::Malformed, format!("{error}")))
    }
}

/// A branch without commits: it never had any, or all of them are gone.
fn without_commits(request: &BranchRequest) -> BranchCommits {
    let had_commits = request.head.as_ref().is_some_and(|head| head.oid.is_some());
    let commits = if had_commits {
        CommitsRead::Reread { tip: None, since: request.retained_from }
    } else {
        CommitsRead::Extended { tip: None }
    };
    BranchCommits { facts: Vec::new(), commits: Ok(commits) }
}

/// Reads one branch by its tip, which stays the same while the branch moves on.
struct BranchReader<'a> {
    session: &'a GraphqlSession,
    sizes: &'a CommitBatchSizes,
    request: &'a BranchRequest,
    tip: Oid,
    facts: Vec<Fact>,
}

impl BranchReader<'_> {
    /// Reads the commits reachable from the tip and not from the known one.
    async fn read_since_tip(
        &mut self,
        known: Oid,
        first: Connection<Commit>,
    ) -> Result<CommitsRead, SourceError> {
        let mut walk = HistoryWalk::new(self.tip, known);
        let mut page = first;
        for pages in 1.. {
            let newest = self.record(&page.nodes, &mut walk);
            // Commits older than the collected history need not be distinguished from known ones.
            let is_past = newest.is_none_or(|newest| newest < self.request.history_from);
            if walk.is_done() || (walk.has_met() && is_past) {
                break;
            }
            let Some(after) = page.page_info.next() else { break };
            if !walk.has_met() && pages >= PAGES_BEFORE_COMPARISON && !self.is_reachable(known).await? {
                return self.reread().await;
            }
            page = self.fetch_page(Some(after), None).await?;
        }
        if walk.has_met() {
            return Ok(CommitsRead::Extended { tip: Some(self.tip) });
        }
        // Read to its root without meeting the known tip: the branch was rewritten.
        self.reread().await
    }

    async fn reread(&mut self) -> Result<CommitsRead, SourceError> {
        let since = self.request.retained_from;
        let first = self.fetch_page(None, Some(since)).await?;
        self.read_all(first, Some(since)).await?;
        Ok(CommitsRead::Reread { tip: Some(self.tip), since })
    }

    async fn read_all(
        &mut self,
        first: Connection<Commit>,
        since: Option<Timestamp>,
    ) -> Result<(), SourceError> {
        let mut page = first;
        loop {
            let commits = page.nodes.iter().flatten().filter_map(convert::commit);
            self.facts.extend(commits.map(|(fact, _, _)| fact));
            let Some(after) = page.page_info.next() else { return Ok(()) };
            page = self.fetch_page(Some(after), since).await?;
        }
    }

    /// Records the commits of a page; returns the newest date among them.
    fn record(&mut self, nodes: &[Option<Commit>], walk: &mut HistoryWalk) -> Option<Timestamp> {
        let mut newest = None;
        for (fact, oid, parents) in nodes.iter().flatten().filter_map(convert::commit) {
            newest = newest.max(Some(fact.at));
            walk.record(oid, &parents);
            if !walk.is_old(&oid) {
                self.facts.push(fact);
            }
        }
        newest
    }

    async fn fetch_page(
        &self,
        after: Option<String>,
        since: Option<Timestamp>,
    ) -> Result<Connection<Commit>, SourceError> {
        let batch_size = &self.sizes.page;
        let query = |page: usize| GraphqlRequest {
            query: HISTORY_PAGE,
            variables: json!({
                "id": self.request.id.as_str(), "tip": self.tip, "first": page, "after": after,
                "since": since.map(rfc3339),
            }),
            connections: 1 + page,
            can_shrink: batch_size.can_shrink(),
        };
        let data = self.session.fetch_page::<NodeData<Repository>>(batch_size, query).await?;
        let history = data.node.and_then(|node| node.object).and_then(|target| target.history);
        history.ok_or_else(|| {
            let detail = format!("the commit {} of {} no longer exists", self.tip, self.request.name);
            self.session.error(SourceErrorKind::Unavailable, detail)
        })
    }

    /// Whether the known tip is an ancestor of the current one, which only the REST API can answer.
    async fn is_reachable(&self, known: Oid) -> Result<bool, SourceError> {
        let client = &self.session.client;
        let path = format!(
            "/repos/{}/{}/compare/{known}...{}?per_page=1",
            client.org(),
            self.request.name,
            self.tip
        );
        let response = client.get("compare_commits", &path, &[404]).await?;
        if response.status.as_u16() == 404 {
            return Ok(false);
        }
        let comparison: Comparison = client.parse(&path, &response)?;
        Ok(matches!(comparison.status.as_str(), "ahead" | "identical"))
    }
}
