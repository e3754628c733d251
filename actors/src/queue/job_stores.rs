//! What all replicas know about jobs.

use std::sync::Arc;

use super::{CompletedJobs, DeadLetterStore, DispatchSettings, JobRecordStore};
use crate::store::{MemoryState, SharedState};

/// The stores of jobs that all replicas share.
#[derive(Clone)]
pub struct JobStores {
    /// Pending jobs.
    pub jobs: JobRecordStore,
    /// Jobs that were given up, until an operator reprocesses or resolves them.
    pub dead_letters: DeadLetterStore,
    /// Completed jobs.
    pub completed_jobs: CompletedJobs,
}

impl JobStores {
    /// The stores in this shared state.
    pub fn new(shared: &Arc<dyn SharedState>, settings: &DispatchSettings) -> Self {
        JobStores {
            jobs: JobRecordStore::new(shared.clone(), settings),
            dead_letters: DeadLetterStore::new(shared.clone()),
            completed_jobs: CompletedJobs::new(shared.clone()),
        }
    }

    /// Stores of this process alone.
    pub fn in_memory(settings: &DispatchSettings) -> Self {
        let shared: Arc<dyn SharedState> = Arc::new(MemoryState::new());
        JobStores::new(&shared, settings)
    }
}
