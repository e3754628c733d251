//! The port: what a forge is asked for.

use async_trait::async_trait;

use super::{
    Changes, ChangesRequest, CollectFailure, CollectRequest, Collection, CollectionResults, ListedRepository,
    Listing, SourceError, Statistics,
};
use crate::activity::{LocChange, Oid};

/// The activity of one organisation. Dropping a future stops its requests at once.
#[async_trait]
pub trait ActivitySource: Send + Sync + 'static {
    /// Lists the repositories that are to be collected.
    async fn list(&self) -> Result<Listing, SourceError>;

    /// Collects one repository.
    async fn collect(&self, request: &CollectRequest) -> Result<Collection, CollectFailure>;

    /// The number of repositories that are best collected together.
    fn batch_size(&self) -> usize {
        1
    }

    /// Collects several repositories, which may cost less than one at a time.
    async fn collect_many(&self, requests: &[CollectRequest]) -> CollectionResults {
        let mut collections = CollectionResults::with_capacity(requests.len());
        for request in requests {
            collections.insert(request.repository.id.clone(), self.collect(request).await);
        }
        collections
    }

    /// Polls the whole organisation at once for what changed since an instant. `None` when this
    /// source cannot: list and collect instead.
    async fn changes(&self, request: &ChangesRequest) -> Result<Option<Changes>, SourceError> {
        let _ = request;
        Ok(None)
    }

    /// Whether collected commits include their lines of code. When they do not, these are asked for
    /// separately, with [`statistics`](Self::statistics) and [`commit_loc`](Self::commit_loc).
    fn includes_loc(&self) -> bool {
        true
    }

    /// The weekly contributor statistics of a repository.
    async fn statistics(&self, repository: &ListedRepository) -> Result<Statistics, SourceError> {
        let _ = repository;
        Ok(Statistics::Computing)
    }

    /// The lines of code of one commit; zero for a merge commit.
    async fn commit_loc(&self, repository: &ListedRepository, oid: Oid) -> Result<LocChange, SourceError> {
        let _ = (repository, oid);
        Ok(LocChange::default())
    }
}
