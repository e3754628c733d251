//! From the configured store to an open one.

use std::sync::Arc;

use github_stats_actors::store::{FactStore, MemoryState, MemoryStore, SharedState};

use crate::config::{Config, StoreBackend};
use crate::redis::Link;
use crate::store::{EmbeddedStore, OpenError};

/// Why the configured store is not there.
#[derive(Debug, thiserror::Error)]
pub enum StoreOpenError {
    /// The embedded store cannot be opened.
    #[error(transparent)]
    Embedded(#[from] OpenError),
    /// The configuration asks for what this version has not.
    #[error("store.backend is redis, which this version cannot use yet; use embedded, or memory for a test")]
    Redis,
}

/// Everything that is kept, by the port it is kept behind. Cheap to clone.
#[derive(Clone)]
pub struct Stores {
    /// Facts and their coverage.
    pub facts: Arc<dyn FactStore>,
    /// What replicas share besides.
    pub shared: Arc<dyn SharedState>,
    /// The way to Redis, where that is what they share.
    pub link: Option<Link>,
}

impl Stores {
    /// These facts, and nothing shared that outlives the process.
    pub fn with_facts(facts: Arc<dyn FactStore>) -> Self {
        Stores { facts, shared: Arc::new(MemoryState::new()), link: None }
    }

    fn of_one<S: FactStore + SharedState>(store: S) -> Self {
        let store = Arc::new(store);
        Stores { facts: store.clone(), shared: store, link: None }
    }
}

/// Opens the configured store.
///
/// # Errors
/// When it is locked, damaged, of a newer format or unreachable; nothing stored was changed then.
pub fn open_store(config: &Config) -> Result<Stores, StoreOpenError> {
    match config.store.backend {
        StoreBackend::Embedded => Ok(Stores::of_one(EmbeddedStore::open(&config.store.path)?)),
        StoreBackend::Memory => Ok(Stores::with_facts(Arc::new(MemoryStore::new()))),
        StoreBackend::Redis => Err(StoreOpenError::Redis),
    }
}
