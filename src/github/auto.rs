//! GraphQL where the server has it, else REST.

use std::sync::OnceLock;

use async_trait::async_trait;
use github_stats_actors::activity::{LocChange, Oid, OrgName};
use github_stats_actors::source::{
    ActivitySource, Changes, ChangesRequest, CollectFailure, CollectRequest, Collection, CollectionResults,
    ListedRepository, Listing, SourceError, SourceErrorKind, Statistics,
};

use super::client::GithubClient;
use super::graphql::GraphqlSource;
use super::rest::{RepoSelector, RestSource};

/// Asks over GraphQL until the server says that it has none. The first answer decides; a server does not lose its API
/// while it is being asked, whatever stands between.
pub struct AutoSource {
    org: OrgName,
    graphql: GraphqlSource,
    rest: RestSource,
    has_graphql: OnceLock<bool>,
}

impl AutoSource {
    /// A source of the client's organisation.
    pub fn new(client: GithubClient, selects: RepoSelector) -> Self {
        AutoSource {
            org: client.org().clone(),
            graphql: GraphqlSource::new(client.clone(), selects.clone()),
            rest: RestSource::new(client, selects),
            has_graphql: OnceLock::new(),
        }
    }

    fn uses_rest(&self) -> bool {
        self.has_graphql.get() == Some(&false)
    }

    fn chosen(&self) -> &dyn ActivitySource {
        if self.uses_rest() { &self.rest } else { &self.graphql }
    }

    /// Learns from what GraphQL answered; whether REST is to be asked instead.
    fn turns_to_rest(&self, error: Option<&SourceError>) -> bool {
        let has_graphql = match error.map(|error| error.kind) {
            None => true,
            Some(SourceErrorKind::Unsupported) => false,
            // It says nothing of what the server has.
            Some(_) => return false,
        };
        if self.has_graphql.set(has_graphql).is_ok() && !has_graphql {
            tracing::warn!(
                org = %self.org,
                "the server has no GraphQL API: collecting over REST, which costs several requests a repository and cycle"
            );
        }
        !has_graphql && self.uses_rest()
    }
}

#[async_trait]
impl ActivitySource for AutoSource {
    async fn list(&self) -> Result<Listing, SourceError> {
        let listing = self.chosen().list().await;
        if self.turns_to_rest(listing.as_ref().err()) { self.rest.list().await } else { listing }
    }

    async fn collect(&self, request: &CollectRequest) -> Result<Collection, CollectFailure> {
        let outcome = self.chosen().collect(request).await;
        let error = outcome.as_ref().err().map(|failure| &failure.error);
        if self.turns_to_rest(error) { self.rest.collect(request).await } else { outcome }
    }

    fn batch_size(&self) -> usize {
        self.chosen().batch_size()
    }

    async fn collect_many(&self, requests: &[CollectRequest]) -> CollectionResults {
        let outcomes = self.chosen().collect_many(requests).await;
        let errors = outcomes.values().filter_map(|outcome| Some(&outcome.as_ref().err()?.error));
        let unsupported = errors.into_iter().find(|error| error.kind == SourceErrorKind::Unsupported);
        let turns = unsupported.is_some_and(|error| self.turns_to_rest(Some(error)));
        if turns { self.rest.collect_many(requests).await } else { outcomes }
    }

    async fn changes(&self, request: &ChangesRequest) -> Result<Option<Changes>, SourceError> {
        let changes = self.chosen().changes(request).await;
        if self.turns_to_rest(changes.as_ref().err()) { self.rest.changes(request).await } else { changes }
    }

    fn includes_loc(&self) -> bool {
        self.chosen().includes_loc()
    }

    async fn statistics(&self, repository: &ListedRepository) -> Result<Statistics, SourceError> {
        self.chosen().statistics(repository).await
    }

    async fn commit_loc(&self, repository: &ListedRepository, oid: Oid) -> Result<LocChange, SourceError> {
        self.chosen().commit_loc(repository, oid).await
    }
}
