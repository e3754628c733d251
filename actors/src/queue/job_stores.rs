//! What all replicas know of jobs: which are alive, which were given up, which were done.

use std::sync::Arc;

use super::{CompletedJobs, DeadLetterStore, DispatchSettings, JobRecordStore};
use crate::store::{MemoryState, SharedState};

/// The three books, kept in the store that all replicas share.
#[derive(Clone)]
pub struct JobStores {
    /// Live jobs.
    pub jobs: JobRecordStore,
    /// Jobs that were given up and that nobody has looked at.
    pub letters: DeadLetterStore,
    /// What was done.
    pub ledger: CompletedJobs,
}

impl JobStores {
    /// The books in this shared state.
    pub fn new(shared: &Arc<dyn SharedState>, settings: &DispatchSettings) -> Self {
        JobStores {
            jobs: JobRecordStore::new(shared.clone(), settings),
            letters: DeadLetterStore::new(shared.clone()),
            ledger: CompletedJobs::new(shared.clone()),
        }
    }

    /// Books of this process alone.
    pub fn in_memory(settings: &DispatchSettings) -> Self {
        let shared: Arc<dyn SharedState> = Arc::new(MemoryState::new());
        JobStores::new(&shared, settings)
    }
}
