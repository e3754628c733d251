//! What all replicas know of jobs: which are alive, which were given up, which were done.

use std::sync::Arc;

use super::{DeadLetters, DispatchSettings, JobRecords, Ledger};
use crate::store::{MemoryState, SharedState};

/// The three books, kept in the store that all replicas share.
#[derive(Clone)]
pub struct Books {
    /// Live jobs.
    pub jobs: JobRecords,
    /// Jobs that were given up and that nobody has looked at.
    pub letters: DeadLetters,
    /// What was done.
    pub ledger: Ledger,
}

impl Books {
    /// The books in this shared state.
    pub fn new(shared: &Arc<dyn SharedState>, settings: &DispatchSettings) -> Self {
        Books {
            jobs: JobRecords::new(shared.clone(), settings),
            letters: DeadLetters::new(shared.clone()),
            ledger: Ledger::new(shared.clone()),
        }
    }

    /// Books of this process alone.
    pub fn in_memory(settings: &DispatchSettings) -> Self {
        let shared: Arc<dyn SharedState> = Arc::new(MemoryState::new());
        Books::new(&shared, settings)
    }
}
