//! From the configured store to an open one.

use std::sync::Arc;

use github_stats_actors::store::{FactStore, MemoryStore};

use crate::config::{Config, StoreBackend};
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

/// Opens the configured store.
///
/// # Errors
/// When it is locked, damaged, of a newer format or unreachable; nothing stored was changed then.
pub fn open_store(config: &Config) -> Result<Arc<dyn FactStore>, StoreOpenError> {
    match config.store.backend {
        StoreBackend::Embedded => Ok(Arc::new(EmbeddedStore::open(&config.store.path)?)),
        StoreBackend::Memory => Ok(Arc::new(MemoryStore::new())),
        StoreBackend::Redis => Err(StoreOpenError::Redis),
    }
}
