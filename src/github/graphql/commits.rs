//! Commits of many default branches, by their tips.

use std::collections::HashMap;

use futures::stream::{self, StreamExt};
use github_stats_actors::activity::{Fact, HeadRead, Oid, RepoId, RepoName, Timestamp};
use github_stats_actors::source::{CommitsRead, SourceError, SourceErrorKind};
use serde_json::json;

use super::batch_size::BatchSize;
use super::convert;
use super::model::{Commit, Connection, NodeData, Repository};
use super::queries::{HISTORY, HISTORY_PAGE};
use super::session::{GraphqlRequest, GraphqlSession};
use super::walk::HistoryWalk;
use crate::github::model;
use crate::github::rest::rfc3339;

/// Branches whose further pages are read at a time.
const CONCURRENCY: usize = 4;
/// Pages that are read in search of the known tip before the REST API is asked whether it is reachable at all.
const PAGES_OF_HOPE: usize = 2;

/// A default branch to be read.
#[derive(Clone, Debug)]
pub struct WantedCommits {
    /// Whose.
    pub id: RepoId,
    /// Its name.
    pub name: RepoName,
    /// How far it was read.
    pub head: Option<HeadRead>,
    /// How far back to read where it was not read before.
    pub history_from: Timestamp,
    /// How far back to read where it was rewritten.
    pub retained_from: Timestamp,
}

/// What was read of a branch.
#[derive(Debug)]
pub struct Branch {
    /// Its commits, as far as they were read.
    pub facts: Vec<Fact>,
    /// What became of it.
    pub commits: Result<CommitsRead, SourceError>,
}

impl Branch {
    fn failed(error: SourceError) -> Self {
        Branch { facts: Vec::new(), commits: Err(error) }
    }
}

/// The sizes of queries for commits.
#[derive(Debug)]
pub struct CommitLoads {
    /// Branches that were read before: few commits each. 20 × (1 + 6) lists are a point.
    pub advance: BatchSize,
    /// Branches that were not: 20 × (1 + 20) lists are four.
    pub reread: BatchSize,
    /// A single branch: 1 + 99 lists are a point.
    pub page: BatchSize,
}

impl Default for CommitLoads {
    fn default() -> Self {
        CommitLoads {
            advance: BatchSize::new(20, 6),
            reread: BatchSize::new(20, 20),
            page: BatchSize::new(1, 99),
        }
    }
}

/// The first page of a branch.
struct First {
    tip: Oid,
    history: Connection<Commit>,
}

impl GraphqlSession {
    /// Reads these branches.
    pub async fn branches(&self, loads: &CommitLoads, wanted: Vec<WantedCommits>) -> HashMap<RepoId, Branch> {
        let was_read = |wanted: &WantedCommits| wanted.head.as_ref().is_some_and(|head| head.oid.is_some());
        let (known, unknown): (Vec<_>, Vec<_>) = wanted.into_iter().partition(was_read);
        let (was_empty, unknown): (Vec<_>, Vec<_>) =
            unknown.into_iter().partition(|wanted| wanted.head.is_some());
        let since = unknown.iter().map(|wanted| wanted.history_from).min();
        let mut branches = self.group(loads, &loads.advance, known, None).await;
        branches.extend(self.group(loads, &loads.reread, was_empty, None).await);
        branches.extend(self.group(loads, &loads.reread, unknown, since).await);
        branches
    }

    async fn group(
        &self,
        loads: &CommitLoads,
        load: &BatchSize,
        wanted: Vec<WantedCommits>,
        since: Option<Timestamp>,
    ) -> HashMap<RepoId, Branch> {
        let ids: Vec<&str> = wanted.iter().map(|wanted| wanted.id.as_str()).collect();
        let mut firsts: Vec<Result<Option<First>, SourceError>> = Vec::new();
        firsts.resize_with(ids.len(), || Err(self.failure(SourceErrorKind::Malformed, "no answer".into())));
        let question = |ids: &[&str], page: usize| GraphqlRequest {
            query: HISTORY,
            variables: json!({ "ids": ids, "first": page, "since": since.map(rfc3339) }),
            lists: 1 + ids.len() * (1 + page),
            can_shrink: load.can_shrink(),
        };
        self.nodes::<Repository>(load, &ids, question, |answered| {
            firsts[answered.index] = match (answered.node, answered.error) {
                (_, Some(error)) => Err(error),
                (Some(node), None) => self.first(node),
                (None, None) => {
                    Err(self.failure(SourceErrorKind::NotFound, "it does not exist any more".into()))
                }
            };
        })
        .await;
        // Futures that borrow one by one cannot be sent to another thread; these own what they read.
        let branches: Vec<_> = wanted
            .into_iter()
            .zip(firsts)
            .map(|(wanted, first)| async move {
                let branch = self.branch(loads, &wanted, first, since).await;
                (wanted.id, branch)
            })
            .collect();
        stream::iter(branches).buffer_unordered(CONCURRENCY).collect().await
    }

    fn first(&self, node: Repository) -> Result<Option<First>, SourceError> {
        let Some(target) = node.default_branch_ref.and_then(|branch| branch.target) else { return Ok(None) };
        let tip = self.oid(target.oid.as_deref())?;
        Ok(Some(First { tip, history: target.history.unwrap_or_default() }))
    }

    async fn branch(
        &self,
        loads: &CommitLoads,
        wanted: &WantedCommits,
        first: Result<Option<First>, SourceError>,
        since: Option<Timestamp>,
    ) -> Branch {
        let first = match first {
            Ok(Some(first)) => first,
            Ok(None) => return emptied(wanted),
            Err(error) => return Branch::failed(error),
        };
        let tip = first.tip;
        let mut reading = Reading { talk: self, loads, wanted, tip, facts: Vec::new() };
        let known = wanted.head.as_ref().map(|head| head.oid);
        let commits = match known {
            Some(Some(known)) => reading.advance(known, first.history).await,
            // It was empty: everything there is was pushed since, whatever its dates.
            Some(None) => {
                reading.all(first.history, None).await.map(|()| CommitsRead::Extended { tip: Some(tip) })
            }
            None => {
                let since = since.unwrap_or(wanted.history_from);
                let read = reading.all(first.history, Some(since)).await;
                read.map(|()| CommitsRead::Reread { tip: Some(tip), since })
            }
        };
        let mut facts = reading.facts;
        if known.is_none() {
            facts.retain(|fact| fact.at >= wanted.history_from);
        }
        Branch { facts, commits }
    }

    fn oid(&self, text: Option<&str>) -> Result<Oid, SourceError> {
        text.unwrap_or_default()
            .parse()
            .map_err(|error| self.failure(SourceErrorKind::Malformed, format!("{error}")))
    }
}

/// A branch without a commit: either it never had one, or all it had are gone.
fn emptied(wanted: &WantedCommits) -> Branch {
    let had_commits = wanted.head.as_ref().is_some_and(|head| head.oid.is_some());
    let commits = if had_commits {
        CommitsRead::Reread { tip: None, since: wanted.retained_from }
    } else {
        CommitsRead::Extended { tip: None }
    };
    Branch { facts: Vec::new(), commits: Ok(commits) }
}

/// One branch being read, by a tip that stays the same while the branch moves on.
struct Reading<'a> {
    talk: &'a GraphqlSession,
    loads: &'a CommitLoads,
    wanted: &'a WantedCommits,
    tip: Oid,
    facts: Vec<Fact>,
}

impl Reading<'_> {
    /// Reads what is reachable from the tip and not from the known one.
    async fn advance(&mut self, known: Oid, first: Connection<Commit>) -> Result<CommitsRead, SourceError> {
        let mut walk = HistoryWalk::new(self.tip, known);
        let mut page = first;
        for pages in 1.. {
            let newest = self.take(&page.nodes, &mut walk);
            // What is older than all that is due need not be told from what was known.
            let is_past = newest.is_none_or(|newest| newest < self.wanted.history_from);
            if walk.is_done() || (walk.has_met() && is_past) {
                break;
            }
            let Some(after) = page.page_info.next() else { break };
            if !walk.has_met() && pages >= PAGES_OF_HOPE && !self.is_reachable(known).await? {
                return self.reread().await;
            }
            page = self.page(Some(after), None).await?;
        }
        if walk.has_met() {
            return Ok(CommitsRead::Extended { tip: Some(self.tip) });
        }
        // Read to its root without meeting the known tip: the branch was rewritten.
        self.reread().await
    }

    async fn reread(&mut self) -> Result<CommitsRead, SourceError> {
        let since = self.wanted.retained_from;
        let first = self.page(None, Some(since)).await?;
        self.all(first, Some(since)).await?;
        Ok(CommitsRead::Reread { tip: Some(self.tip), since })
    }

    async fn all(&mut self, first: Connection<Commit>, since: Option<Timestamp>) -> Result<(), SourceError> {
        let mut page = first;
        loop {
            let commits = page.nodes.iter().flatten().filter_map(convert::commit);
            self.facts.extend(commits.map(|(fact, _, _)| fact));
            let Some(after) = page.page_info.next() else { return Ok(()) };
            page = self.page(Some(after), since).await?;
        }
    }

    /// Takes over a page; the newest date in it.
    fn take(&mut self, nodes: &[Option<Commit>], walk: &mut HistoryWalk) -> Option<Timestamp> {
        let mut newest = None;
        for (fact, oid, parents) in nodes.iter().flatten().filter_map(convert::commit) {
            newest = newest.max(Some(fact.at));
            walk.take(oid, &parents);
            if !walk.is_old(&oid) {
                self.facts.push(fact);
            }
        }
        newest
    }

    async fn page(
        &self,
        after: Option<String>,
        since: Option<Timestamp>,
    ) -> Result<Connection<Commit>, SourceError> {
        let load = &self.loads.page;
        let question = |page: usize| GraphqlRequest {
            query: HISTORY_PAGE,
            variables: json!({
                "id": self.wanted.id.as_str(), "tip": self.tip, "first": page, "after": after,
                "since": since.map(rfc3339),
            }),
            lists: 1 + page,
            can_shrink: load.can_shrink(),
        };
        let told = self.talk.page::<NodeData<Repository>>(load, question, |_| ()).await?;
        let history = told.data.node.and_then(|node| node.object).and_then(|target| target.history);
        history.ok_or_else(|| {
            let detail = format!("the commit {} of {} does not exist any more", self.tip, self.wanted.name);
            self.talk.failure(SourceErrorKind::Unavailable, detail)
        })
    }

    /// Whether the known tip is an ancestor of the present one; GraphQL cannot tell.
    async fn is_reachable(&self, known: Oid) -> Result<bool, SourceError> {
        let client = &self.talk.client;
        let path =
            format!("/repos/{}/{}/compare/{known}...{}?per_page=1", client.org(), self.wanted.name, self.tip);
        let answer = client.get("compare_commits", &path, &[404]).await?;
        if answer.status.as_u16() == 404 {
            return Ok(false);
        }
        let comparison: model::Comparison = client.parse(&path, &answer)?;
        Ok(matches!(comparison.status.as_str(), "ahead" | "identical"))
    }
}
