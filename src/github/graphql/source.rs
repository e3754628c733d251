//! The activity source over GraphQL.

use async_trait::async_trait;
use github_stats_actors::activity::RepoId;
use github_stats_actors::source::{
    ActivitySource, Changes, ChangesRequest, CollectFailure, CollectRequest, Collection, CollectionResults,
    Listing, RequestPriority, SourceError,
};

use super::branches::BranchRequest;
use super::conversations::FoundConversations;
use super::organisation_poll::OrganisationPoll;
use super::source_state::{OVERLAP, SourceState};
use crate::github::client::GithubClient;
use crate::github::repo_selector::RepoSelector;

/// Repositories that are collected together.
const BATCH: usize = 20;

/// Collects the activity of one organisation, or of one user account, over GraphQL.
pub struct GraphqlSource {
    state: SourceState,
}

impl GraphqlSource {
    /// A source of the client's organisation.
    pub fn new(client: GithubClient, selects: RepoSelector) -> Self {
        GraphqlSource { state: SourceState::new(client, selects) }
    }
}

#[async_trait]
impl ActivitySource for GraphqlSource {
    async fn list(&self) -> Result<Listing, SourceError> {
        let session = self.state.session(RequestPriority::Live);
        let mut tips = session.list_all().await?;
        self.state.remove_unselected(&mut tips);
        let observed_at = session.observed_at().ok_or_else(|| self.state.client.missing_date_error())?;
        let repositories = tips.repositories.into_values().map(|(listed, _)| listed).collect();
        Ok(Listing { observed_at, repositories })
    }

    async fn collect(&self, request: &CollectRequest) -> Result<Collection, CollectFailure> {
        let mut collections = self.collect_many(std::slice::from_ref(request)).await;
        if let Some(result) = collections.remove(&request.repository.id) {
            return result;
        }
        let error = self.state.session(request.priority).no_response_error();
        Err(CollectFailure { error, observed_at: None, facts: Vec::new() })
    }

    fn batch_size(&self) -> usize {
        BATCH
    }

    async fn collect_many(&self, requests: &[CollectRequest]) -> CollectionResults {
        let Some(purpose) = requests.iter().map(|request| request.priority).min() else {
            return CollectionResults::new();
        };
        let session = self.state.session(purpose);
        let branches = requests.iter().map(|request| BranchRequest {
            id: request.repository.id.clone(),
            name: request.repository.name.clone(),
            head: request.head.clone(),
            history_from: request.history_from,
            retained_from: request.retained_from,
        });
        let mut branches = session.fetch_branches(&self.state.commit_sizes, branches.collect()).await;
        let ids: Vec<RepoId> = requests.iter().map(|request| request.repository.id.clone()).collect();
        let since = requests.iter().map(|request| request.since).min().unwrap_or_default() - OVERLAP;
        let mut found = FoundConversations::default();
        let sizes = &self.state.conversation_sizes;
        let mut conversations = session.fetch_conversations(sizes, &ids, since, &mut found).await;
        let observed_at = session.observed_at();
        let seen_at = observed_at.unwrap_or_else(|| self.state.client.now());
        found.record_sightings(&mut self.state.seen_facts(), seen_at);
        let collection = |id: RepoId| {
            let mut facts = found.facts.remove(&id).unwrap_or_default();
            let commits = match branches.remove(&id) {
                Some(branch) => {
                    facts.extend(branch.facts);
                    branch.commits
                }
                None => Err(session.no_response_error()),
            };
            let conversations = conversations.remove(&id).unwrap_or(Ok(()));
            let commits = commits.and_then(|commits| conversations.map(|()| commits));
            let result = match (commits, observed_at) {
                (Ok(commits), Some(observed_at)) => Ok(Collection { observed_at, facts, commits }),
                (Ok(_), None) => {
                    let error = self.state.client.missing_date_error();
                    Err(CollectFailure { error, observed_at, facts })
                }
                (Err(error), _) => Err(CollectFailure { error, observed_at, facts }),
            };
            (id, result)
        };
        ids.into_iter().map(collection).collect()
    }

    async fn changes(&self, request: &ChangesRequest) -> Result<Option<Changes>, SourceError> {
        OrganisationPoll::new(&self.state, request).run().await.map(Some)
    }
}
