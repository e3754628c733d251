//! The activity source over GraphQL if the server supports it, else over REST.

use std::sync::OnceLock;

use async_trait::async_trait;
use github_stats_actors::activity::{LocChange, Oid, OrgName};
use github_stats_actors::source::{
    ActivitySource, Changes, ChangesRequest, CollectFailure, CollectRequest, Collection, CollectionResults,
    ListedRepository, Listing, SourceError, SourceErrorKind, Statistics,
};

use super::client::GithubClient;
use super::graphql::GraphqlSource;
use super::repo_selector::RepoSelector;
use super::rest::RestSource;

/// Uses GraphQL unless the server reports that it has no GraphQL API. The first conclusive response
/// decides for good: later errors of proxies do not change the API.
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

    fn current(&self) -> &dyn ActivitySource {
        if self.uses_rest() { &self.rest } else { &self.graphql }
    }

    /// Records what a GraphQL response says about the server; returns whether to use REST instead.
    fn falls_back_to_rest(&self, error: Option<&SourceError>) -> bool {
        let has_graphql = match error.map(|error| error.kind) {
            None => true,
            Some(SourceErrorKind::Unsupported) => false,
            // Other errors are inconclusive.
            Some(_) => return false,
        };
        if self.has_graphql.set(has_graphql).is_ok() && !has_graphql {
            tracing::warn!(
                org = %self.org,
                "the server has no GraphQL API: collecting over REST, which costs several requests per repository and cycle"
            );
        }
        !has_graphql && self.uses_rest()
    }
}

#[async_trait]
impl ActivitySource for AutoSource {
    async fn list(&self) -> Result<Listing, SourceError> {
        let listing = self.current().list().await;
        if self.falls_back_to_rest(listing.as_ref().err()) { self.rest.list().await } else { listing }
    }

    async fn collect(&self, request: &CollectRequest) -> Result<Collection, CollectFailure> {
        let result = self.current().collect(request).await;
        let error = result.as_ref().err().map(|failure| &failure.error);
        if self.falls_back_to_rest(error) { self.rest.collect(request).await } else { result }
    }

    fn batch_size(&self) -> usize {
        self.current().batch_size()
    }

    async fn collect_many(&self, requests: &[CollectRequest]) -> CollectionResults {
        let results = self.current().collect_many(requests).await;
        let errors = results.values().filter_map(|result| Some(&result.as_ref().err()?.error));
        let unsupported = errors.into_iter().find(|error| error.kind == SourceErrorKind::Unsupported);
        let falls_back = unsupported.is_some_and(|error| self.falls_back_to_rest(Some(error)));
        if falls_back { self.rest.collect_many(requests).await } else { results }
    }

    async fn changes(&self, request: &ChangesRequest) -> Result<Option<Changes>, SourceError> {
        let changes = self.current().changes(request).await;
        if self.falls_back_to_rest(changes.as_ref().err()) {
            self.rest.changes(request).await
        } else {
            changes
        }
    }

    fn includes_loc(&self) -> bool {
        self.current().includes_loc()
    }

    async fn statistics(&self, repository: &ListedRepository) -> Result<Statistics, SourceError> {
        self.current().statistics(repository).await
    }

    async fn commit_loc(&self, repository: &ListedRepository, oid: Oid) -> Result<LocChange, SourceError> {
        self.current().commit_loc(repository, oid).await
    }
}
