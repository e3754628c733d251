//! One poll of an organisation: everything that changed since a time.

use std::collections::{HashMap, HashSet};

use github_stats_actors::activity::{FactId, HOUR, RepoId, Timestamp};
use github_stats_actors::source::{
    Changes, ChangesRequest, ListedRepository, Reconcile, RepositoryChanges, RequestPriority, SourceError,
    SourceErrorKind,
};
use serde_json::json;

use super::batch_size::BatchSize;
use super::branch_tips::BranchTips;
use super::branches::{BranchCommits, BranchRequest};
use super::conversations::FoundConversations;
use super::model::ExistingNode;
use super::queries::EXISTING;
use super::search::SearchSlice;
use super::seen_facts::PossibleDeletion;
use super::session::{GraphqlRequest, GraphqlSession};
use super::source_state::{OVERLAP, SourceState};

/// By how many seconds the search may lag behind events.
const SEARCH_LAG: i64 = 2 * HOUR;
/// Ids per request; GitHub's maximum.
const IDS_PER_REQUEST: usize = 100;
/// Points per hour for checking reviews and comments, whatever the size of the organisation …
const MIN_CHECK_POINTS: usize = 10;
/// … and one point for this many repositories.
const REPOSITORIES_PER_CHECK_POINT: usize = 25;

/// One poll of an organisation.
pub struct OrganisationPoll<'a> {
    state: &'a SourceState,
    request: &'a ChangesRequest,
    session: GraphqlSession,
    since: Timestamp,
    changed: HashMap<RepoId, RepositoryChanges>,
    failure: Option<SourceError>,
}

impl<'a> OrganisationPoll<'a> {
    pub fn new(state: &'a SourceState, request: &'a ChangesRequest) -> Self {
        OrganisationPoll {
            state,
            request,
            session: state.session(RequestPriority::Live),
            since: request.since - OVERLAP,
            changed: HashMap::new(),
            failure: None,
        }
    }

    /// Polls the organisation. Failures that concern only a part are returned with the changes.
    ///
    /// # Errors
    /// If the repositories cannot be listed.
    pub async fn run(mut self) -> Result<Changes, SourceError> {
        let mut account = self.state.search_qualifier();
        let lists_all = self.request.reconcile != Reconcile::Nothing;
        let until = (!lists_all).then_some(self.since);
        let slice = SearchSlice { from: self.since, to: None };
        let sizes = &self.state.conversation_sizes;
        let mut tips = self.session.poll(sizes, until, (&account, slice)).await?;
        self.state.remove_unselected(&mut tips);
        let observed_at =
            self.session.observed_at().ok_or_else(|| self.session.client.missing_date_error())?;
        let mut first = tips.conversations.take();
        self.state.set_is_user(tips.is_user);
        let qualifier = self.state.search_qualifier();
        if qualifier != account {
            // The search was made for the wrong kind of account.
            account = qualifier;
            first = None;
        }
        let mut found = FoundConversations::default();
        let searched = self.session.search(sizes, &account, self.since, first, &mut found).await;
        self.failure = searched.err();
        self.read_branches(&tips).await;
        self.merge(&mut found, &tips, observed_at);
        if let Reconcile::Conversations { since } = self.request.reconcile {
            self.reread_conversations(since, &tips, observed_at).await;
            self.check_deletions(observed_at).await;
        }
        let unknown = tips.repositories.iter().filter(|(id, _)| !self.request.known.contains_key(*id));
        let unknown = unknown.map(|(_, (listed, _))| listed.clone()).collect();
        let listing = lists_all.then(|| tips.repositories.into_values().map(|(listed, _)| listed).collect());
        let changed = self.changed.into_values().collect();
        Ok(Changes { observed_at, listing, unknown, changed, failure: self.failure })
    }

    /// Reads the branches whose tips have moved.
    async fn read_branches(&mut self, tips: &BranchTips) {
        let moved = tips.repositories.iter().filter_map(|(id, (listed, tip))| {
            let known = self.request.known.get(id)?;
            let is_known = known.head.as_ref().is_some_and(|head| head.oid == *tip);
            (!is_known).then(|| BranchRequest {
                id: id.clone(),
                name: listed.name.clone(),
                head: known.head.clone(),
                history_from: known.history_from,
                retained_from: known.retained_from,
            })
        });
        let branches = self.session.fetch_branches(&self.state.commit_sizes, moved.collect()).await;
        for (id, branch) in branches {
            let BranchCommits { facts, commits } = branch;
            let Some(changes) = self.changes_of(&id, Some(tips)) else { continue };
            changes.facts.extend(facts);
            match commits {
                Ok(commits) => changes.commits = commits,
                Err(error) => changes.failure = Some(error),
            }
        }
        self.record_pushes(tips);
    }

    /// Records recent pushes as activity: a repository with a push may have conversations that the
    /// search does not return yet.
    fn record_pushes(&self, tips: &BranchTips) {
        let since = self.since - SEARCH_LAG;
        let mut seen = self.state.seen_facts();
        for (id, (listed, _)) in &tips.repositories {
            if let Some(at) = listed.pushed_at.filter(|at| *at >= since) {
                seen.record_activity(id, at);
            }
        }
    }

    /// Adds the conversations found to the changes of the requested repositories.
    fn merge(&mut self, found: &mut FoundConversations, tips: &BranchTips, observed_at: Timestamp) {
        found.record_sightings(&mut self.state.seen_facts(), observed_at);
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
        let listed = tips.and_then(|tips| tips.repositories.get(id)).map(|(listed, _)| listed.clone());
        Some(self.changed.entry(id.clone()).or_insert_with(|| {
            let unlisted = || ListedRepository { id: id.clone(), name: known.name.clone(), pushed_at: None };
            RepositoryChanges::none(listed.unwrap_or_else(unlisted))
        }))
    }

    /// Reads again, without the search, the conversations of repositories with activity since
    /// `since`.
    async fn reread_conversations(&mut self, since: Timestamp, tips: &BranchTips, observed_at: Timestamp) {
        let mut active: HashSet<RepoId> = self.state.seen_facts().active_since(since).into_iter().collect();
        active.extend(self.request.recently_discussed.iter().cloned());
        let present = |id: &RepoId| tips.repositories.contains_key(id) && self.request.known.contains_key(id);
        let active: Vec<RepoId> = active.into_iter().filter(present).collect();
        let mut found = FoundConversations::default();
        let read = self
            .session
            .fetch_conversations(&self.state.conversation_sizes, &active, since, &mut found)
            .await;
        self.merge(&mut found, tips, observed_at);
        for (id, result) in read {
            let Some(changes) = self.changes_of(&id, Some(tips)) else { continue };
            match result {
                Ok(()) => changes.conversations_reread = Some(since),
                // The search has found the changes; only deletions remain unknown until the next
                // time.
                Err(error) => {
                    tracing::debug!(%error, repo = %changes.repository.name, "conversations could not be read again")
                }
            }
        }
    }

    /// Checks whether reviews and comments of the last day that were not seen lately still exist.
    async fn check_deletions(&mut self, observed_at: Timestamp) {
        let points = MIN_CHECK_POINTS.max(self.request.known.len() / REPOSITORIES_PER_CHECK_POINT);
        let since = observed_at - HOUR / 2;
        let deletions =
            self.state.seen_facts().possible_deletions(since, observed_at, points * IDS_PER_REQUEST);
        let nodes: Vec<&str> = deletions.iter().map(|deletion| deletion.node.as_ref()).collect();
        let batch_size = BatchSize::new(IDS_PER_REQUEST, 1);
        let query = |ids: &[&str], _| GraphqlRequest {
            query: EXISTING,
            variables: json!({ "ids": ids }),
            connections: 1,
            can_shrink: batch_size.can_shrink(),
        };
        let mut checked: Vec<(usize, bool)> = Vec::with_capacity(deletions.len());
        self.session
            .fetch_nodes::<ExistingNode>(&batch_size, &nodes, query, |result| {
                match (result.node, result.error) {
                    (Some(_), _) => checked.push((result.index, true)),
                    (None, Some(error)) if error.kind == SourceErrorKind::NotFound => {
                        checked.push((result.index, false));
                    }
                    (None, error) => {
                        tracing::debug!(?error, "cannot check whether a review or comment was deleted")
                    }
                }
            })
            .await;
        let mut gone: HashMap<RepoId, HashSet<FactId>> = HashMap::new();
        for (index, exists) in checked {
            let PossibleDeletion { repo, id, .. } = &deletions[index];
            self.state.seen_facts().record_check(&deletions[index], exists, observed_at);
            if !exists {
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
