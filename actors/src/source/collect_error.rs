//! What can fail between a source and the store.

use actix_supervisor::CallError;

use super::SourceError;
use crate::store::StoreError;

/// Why activity was not collected. Facts found before the failure are stored, but no time counts as
/// covered.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// The source failed.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The store refused the request.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store actor could not be reached; it may be restarting.
    #[error("the store actor did not answer: {0}")]
    Unanswered(#[from] CallError),
}
