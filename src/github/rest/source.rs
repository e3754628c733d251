//! The activity source over REST.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use github_stats_actors::activity::{LocChange, Oid, RepoId};
use github_stats_actors::source::{
    ActivitySource, CollectFailure, CollectRequest, Collection, ListedRepository, Listing, SourceError,
    SourceErrorKind, Statistics,
};

use super::paginated_list::PaginatedList;
use super::repository_reader::{FoundFacts, RepositoryReader};
use super::{loc, model};
use crate::github::client::GithubClient;
use crate::github::repo_selector::RepoSelector;

/// Collects the activity of one organisation, or of one user account, over REST.
pub struct RestSource {
    client: GithubClient,
    selects: RepoSelector,
    /// Whether the account turned out to be a user's.
    is_user: AtomicBool,
}

impl RestSource {
    /// A source of the client's organisation.
    pub fn new(client: GithubClient, selects: RepoSelector) -> Self {
        RestSource { client, selects, is_user: AtomicBool::new(false) }
    }

    async fn list_pages(&self, prefix: &str) -> Result<Listing, SourceError> {
        let first = format!("/{prefix}/{}/repos?per_page=100&sort=full_name", self.client.org());
        let mut pages = PaginatedList::new(&self.client, "list_repositories", first);
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
        let observed_at = pages.observed_at.ok_or_else(|| self.client.missing_date_error())?;
        Ok(Listing { observed_at, repositories })
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
        let client = self.client.with_priority(request.priority);
        let reader = RepositoryReader::new(&client, request);
        let commits = reader.read_all().await;
        let FoundFacts { facts, observed_at } = reader.finish();
        match (commits, observed_at) {
            (Ok(commits), Some(observed_at)) => Ok(Collection { observed_at, facts, commits }),
            (Ok(_), None) => {
                Err(CollectFailure { error: self.client.missing_date_error(), observed_at, facts })
            }
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
