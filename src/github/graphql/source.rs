//! The source itself: one look at an organisation, or a batch of repositories.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use github_stats_actors::activity::{FactId, HOUR, MINUTE, RepoId, Timestamp};
use github_stats_actors::source::{
    ActivitySource, Changes, ChangesRequest, CollectFailure, CollectRequest, Collection, CollectionResults,
    ListedRepository, Listing, Reconcile, RepositoryChanges, RequestPriority, SourceError, SourceErrorKind,
};
use serde_json::json;

use super::batch_size::BatchSize;
use super::commits::{self, Branch, WantedCommits};
use super::conversations::{self, FoundConversations};
use super::listing::BranchTips;
use super::model::Present;
use super::queries::PRESENT;
use super::search::SearchSlice;
use super::seen_facts::{PossibleDeletion, SeenFacts};
use super::session::{GraphqlRequest, GraphqlSession};
use crate::github::client::GithubClient;
use crate::github::rest::{RepoSelector, undated};

/// How much earlier than asked for is looked at again, because what GitHub tells may lag behind what happened.
const OVERLAP: i64 = 2 * MINUTE;
/// How late the search may tell what happened.
const LAG: i64 = 2 * HOUR;
/// Repositories that are collected together.
const BATCH: usize = 20;
/// Ids asked for at once; GitHub's most.
const IDS: usize = 100;
/// Points an hour for asking after reviews and comments, whatever the size of the organisation …
const CHECKS_AT_LEAST: usize = 10;
/// … and one for so many repositories.
const REPOSITORIES_PER_CHECK: usize = 25;

/// Collects the activity of one organisation, or of one user account, over GraphQL.
pub struct GraphqlSource {
    client: GithubClient,
    selects: RepoSelector,
    commits: commits::CommitLoads,
    conversations: conversations::ConversationLoads,
    memory: Mutex<SeenFacts>,
    /// Whether the name turned out to be a user's.
    is_user: AtomicBool,
}

impl GraphqlSource {
    /// A source of the client's organisation.
    pub fn new(client: GithubClient, selects: RepoSelector) -> Self {
        GraphqlSource {
            client,
            selects,
            commits: commits::CommitLoads::default(),
            conversations: conversations::ConversationLoads::default(),
            memory: Mutex::default(),
            is_user: AtomicBool::new(false),
        }
    }

    /// The account as the search knows it.
    fn account(&self, is_user: bool) -> String {
        format!("{}:{}", if is_user { "user" } else { "org" }, self.client.org())
    }

    fn talk(&self, purpose: RequestPriority) -> GraphqlSession {
        GraphqlSession::new(self.client.for_purpose(purpose))
    }

    fn memory(&self) -> MutexGuard<'_, SeenFacts> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn selected(&self, tips: &mut BranchTips) {
        tips.tips.retain(|_, (listed, _)| (self.selects)(listed.name.as_str()));
    }
}

#[async_trait]
impl ActivitySource for GraphqlSource {
    async fn list(&self) -> Result<Listing, SourceError> {
        let talk = self.talk(RequestPriority::Live);
        let mut tips = talk.list_all().await?;
        self.selected(&mut tips);
        let observed_at = talk.observed_at().ok_or_else(|| undated(&self.client))?;
        Ok(Listing { observed_at, repositories: tips.tips.into_values().map(|(listed, _)| listed).collect() })
    }

    async fn collect(&self, request: &CollectRequest) -> Result<Collection, CollectFailure> {
        let mut collections = self.collect_many(std::slice::from_ref(request)).await;
        if let Some(outcome) = collections.remove(&request.repository.id) {
            return outcome;
        }
        let error = self.talk(request.priority).failure(SourceErrorKind::Malformed, "no answer".into());
        Err(CollectFailure { error, observed_at: None, facts: Vec::new() })
    }

    fn batch_size(&self) -> usize {
        BATCH
    }

    async fn collect_many(&self, requests: &[CollectRequest]) -> CollectionResults {
        let Some(purpose) = requests.iter().map(|request| request.priority).min() else {
            return CollectionResults::new();
        };
        let talk = self.talk(purpose);
        let wanted = requests.iter().map(|request| WantedCommits {
            id: request.repository.id.clone(),
            name: request.repository.name.clone(),
            head: request.head.clone(),
            history_from: request.history_from,
            retained_from: request.retained_from,
        });
        let mut branches = talk.branches(&self.commits, wanted.collect()).await;
        let ids: Vec<RepoId> = requests.iter().map(|request| request.repository.id.clone()).collect();
        let since = requests.iter().map(|request| request.since).min().unwrap_or_default() - OVERLAP;
        let mut found = FoundConversations::default();
        let mut read = talk.conversations(&self.conversations, &ids, since, &mut found).await;
        let observed_at = talk.observed_at();
        found.remember(&mut self.memory(), observed_at.unwrap_or_else(|| self.client.now()));
        let collection = |id: RepoId| {
            let mut facts = found.facts.remove(&id).unwrap_or_default();
            let commits = match branches.remove(&id) {
                Some(branch) => {
                    facts.extend(branch.facts);
                    branch.commits
                }
                None => Err(talk.failure(SourceErrorKind::Malformed, "no answer".into())),
            };
            let read = read.remove(&id).unwrap_or(Ok(()));
            let outcome = match (commits.and_then(|commits| read.map(|()| commits)), observed_at) {
                (Ok(commits), Some(observed_at)) => Ok(Collection { observed_at, facts, commits }),
                (Ok(_), None) => Err(CollectFailure { error: undated(&self.client), observed_at, facts }),
                (Err(error), _) => Err(CollectFailure { error, observed_at, facts }),
            };
            (id, outcome)
        };
        ids.into_iter().map(collection).collect()
    }

    async fn changes(&self, request: &ChangesRequest) -> Result<Option<Changes>, SourceError> {
        Look::new(self, request).run().await.map(Some)
    }
}

/// One look at the organisation.
struct Look<'a> {
    source: &'a GraphqlSource,
    request: &'a ChangesRequest,
    talk: GraphqlSession,
    since: Timestamp,
    changed: HashMap<RepoId, RepositoryChanges>,
    failure: Option<SourceError>,
}

impl<'a> Look<'a> {
    fn new(source: &'a GraphqlSource, request: &'a ChangesRequest) -> Self {
        Look {
            source,
            request,
            talk: source.talk(RequestPriority::Live),
            since: request.since - OVERLAP,
            changed: HashMap::new(),
            failure: None,
        }
    }

    async fn run(mut self) -> Result<Changes, SourceError> {
        let is_user = self.source.is_user.load(Ordering::Relaxed);
        let mut account = self.source.account(is_user);
        let lists_all = self.request.reconcile != Reconcile::Nothing;
        let until = (!lists_all).then_some(self.since);
        let slice = SearchSlice { from: self.since, to: None };
        let mut tips = self.talk.look(&self.source.conversations, until, (&account, slice)).await?;
        self.source.selected(&mut tips);
        let observed_at = self.talk.observed_at().ok_or_else(|| undated(&self.talk.client))?;
        let mut first = tips.conversations.take();
        if tips.is_user != is_user {
            self.source.is_user.store(tips.is_user, Ordering::Relaxed);
            account = self.source.account(tips.is_user);
            first = None;
        }
        let mut found = FoundConversations::default();
        let searched =
            self.talk.search(&self.source.conversations, &account, self.since, first, &mut found).await;
        self.failure = searched.err();
        self.read_branches(&tips).await;
        self.merge(&mut found, &tips, observed_at);
        if let Reconcile::Conversations { since } = self.request.reconcile {
            self.reread(since, &tips, observed_at).await;
            self.check(observed_at).await;
        }
        let unknown = tips.tips.iter().filter(|(id, _)| !self.request.known.contains_key(*id));
        let unknown = unknown.map(|(_, (listed, _))| listed.clone()).collect();
        let listing = lists_all.then(|| tips.tips.into_values().map(|(listed, _)| listed).collect());
        let changed = self.changed.into_values().collect();
        Ok(Changes { observed_at, listing, unknown, changed, failure: self.failure })
    }

    /// Reads the branches whose tips are not where they were.
    async fn read_branches(&mut self, tips: &BranchTips) {
        let moved = tips.tips.iter().filter_map(|(id, (listed, tip))| {
            let known = self.request.known.get(id)?;
            let is_known = known.head.as_ref().is_some_and(|head| head.oid == *tip);
            (!is_known).then(|| WantedCommits {
                id: id.clone(),
                name: listed.name.clone(),
                head: known.head.clone(),
                history_from: known.history_from,
                retained_from: known.retained_from,
            })
        });
        let branches = self.talk.branches(&self.source.commits, moved.collect()).await;
        for (id, branch) in branches {
            let Branch { facts, commits } = branch;
            let Some(changes) = self.changes_of(&id, Some(tips)) else { continue };
            changes.facts.extend(facts);
            match commits {
                Ok(commits) => changes.commits = commits,
                Err(error) => changes.failure = Some(error),
            }
        }
        self.remember_pushes(tips);
    }

    /// Where somebody pushed, somebody may have said something, too, that the search has not told yet.
    fn remember_pushes(&self, tips: &BranchTips) {
        let since = self.since - LAG;
        let mut memory = self.source.memory();
        for (id, (listed, _)) in &tips.tips {
            if let Some(at) = listed.pushed_at.filter(|at| *at >= since) {
                memory.happened(id, at);
            }
        }
    }

    /// Takes over what was found of conversations, as far as it concerns repositories that are asked for.
    fn merge(&mut self, found: &mut FoundConversations, tips: &BranchTips, observed_at: Timestamp) {
        found.remember(&mut self.source.memory(), observed_at);
        for (id, facts) in found.facts.drain() {
            let name = found.names.get(&id).cloned();
            let Some(changes) = self.changes_of(&id, Some(tips)) else { continue };
            changes.facts.extend(facts);
            if let Some(name) = name {
                changes.repository.name = name;
            }
        }
    }

    fn changes_of(&mut self, id: &RepoId, tips: Option<&BranchTips>) -> Option<&mut RepositoryChanges> {
        let known = self.request.known.get(id)?;
        let listed = tips.and_then(|tips| tips.tips.get(id)).map(|(listed, _)| listed.clone());
        Some(self.changed.entry(id.clone()).or_insert_with(|| {
            let stale = || ListedRepository { id: id.clone(), name: known.name.clone(), pushed_at: None };
            RepositoryChanges::none(listed.unwrap_or_else(stale))
        }))
    }

    /// Reads again, without the search, the conversations of repositories in which something happened since `since`.
    async fn reread(&mut self, since: Timestamp, tips: &BranchTips, observed_at: Timestamp) {
        let mut active: HashSet<RepoId> = self.source.memory().active_since(since).into_iter().collect();
        active.extend(self.request.recently_discussed.iter().cloned());
        let present = |id: &RepoId| tips.tips.contains_key(id) && self.request.known.contains_key(id);
        let active: Vec<RepoId> = active.into_iter().filter(present).collect();
        let mut found = FoundConversations::default();
        let read = self.talk.conversations(&self.source.conversations, &active, since, &mut found).await;
        self.merge(&mut found, tips, observed_at);
        for (id, outcome) in read {
            let Some(changes) = self.changes_of(&id, Some(tips)) else { continue };
            match outcome {
                Ok(()) => changes.conversations_reread = Some(since),
                // What changed is known by the search; only what was deleted remains unknown until the next time.
                Err(error) => {
                    tracing::debug!(%error, repo = %changes.repository.name, "conversations were not read again")
                }
            }
        }
    }

    /// Asks after the reviews and comments of the last day that were not seen for an hour.
    async fn check(&mut self, observed_at: Timestamp) {
        let points = CHECKS_AT_LEAST.max(self.request.known.len() / REPOSITORIES_PER_CHECK);
        let since = observed_at - HOUR / 2;
        let suspects = self.source.memory().suspects(since, observed_at, points * IDS);
        let nodes: Vec<&str> = suspects.iter().map(|suspect| suspect.node.as_ref()).collect();
        let load = BatchSize::new(IDS, 1);
        let question = |ids: &[&str], _| GraphqlRequest {
            query: PRESENT,
            variables: json!({ "ids": ids }),
            lists: 1,
            can_shrink: load.can_shrink(),
        };
        let mut outcomes: Vec<(usize, bool)> = Vec::with_capacity(suspects.len());
        self.talk
            .nodes::<Present>(&load, &nodes, question, |answered| match (answered.node, answered.error) {
                (Some(_), _) => outcomes.push((answered.index, true)),
                (None, Some(error)) if error.kind == SourceErrorKind::NotFound => {
                    outcomes.push((answered.index, false));
                }
                (None, error) => tracing::debug!(?error, "whether something was deleted was not told"),
            })
            .await;
        let mut gone: HashMap<RepoId, HashSet<FactId>> = HashMap::new();
        for (index, present) in outcomes {
            let PossibleDeletion { repo, id, .. } = &suspects[index];
            self.source.memory().settled(&suspects[index], present, observed_at);
            if !present {
                gone.entry(repo.clone()).or_default().insert(*id);
            }
        }
        for (id, gone) in gone {
            if let Some(changes) = self.changes_of(&id, None) {
                changes.facts.retain(|fact| !gone.contains(&fact.id));
                changes.gone.extend(gone);
            }
        }
    }
}
