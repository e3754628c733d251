//! From the configured store to an open one.

use std::path::Path;
use std::sync::Arc;

use github_stats_actors::store::{
    FactStore, MemoryState, MemoryStore, MirroredStore, SharedState, StoreError,
};

use crate::config::{Config, StoreBackend};
use crate::meter::Meter;
use crate::redis::{RedisClient, RedisClientError, RedisClientSettings};
use crate::replica::Connections;
use crate::store::{EmbeddedStore, MeasuredStore, OpenError, RedisStore};
use crate::telemetry::StoreMeter;

/// Why the configured store is not there.
#[derive(Debug, thiserror::Error)]
pub enum StoreOpenError {
    /// The embedded store cannot be opened.
    #[error(transparent)]
    Embedded(#[from] OpenError),
    /// The embedded store cannot be read.
    #[error(transparent)]
    Unreadable(#[from] StoreError),
    /// Redis cannot be configured.
    #[error(transparent)]
    Redis(#[from] RedisClientError),
}

/// Everything that is kept, by the port it is kept behind. Cheap to clone.
#[derive(Clone)]
pub struct Stores {
    /// Facts and their coverage.
    pub facts: Arc<dyn FactStore>,
    /// What replicas share besides.
    pub shared: Arc<dyn SharedState>,
    /// What measures the store's answers.
    pub meter: StoreMeter,
    /// Counts the connections to a shared store.
    pub connections: Option<Connections>,
    /// A way to Redis for whoever must not wait behind the store's requests; where that is what replicas share.
    pub link: Option<RedisClient>,
}

impl Stores {
    /// These facts, and nothing shared that outlives the process.
    pub fn with_facts(facts: Arc<dyn FactStore>) -> Self {
        let shared = Arc::new(MemoryState::new());
        Stores { facts, shared, meter: StoreMeter::default(), connections: None, link: None }
    }

    fn embedded(path: &Path) -> Result<Self, StoreOpenError> {
        let store = Arc::new(EmbeddedStore::open(path)?);
        let meter = StoreMeter::default();
        let facts = Arc::new(MeasuredStore::new(store.clone(), Arc::new(meter.clone()) as Arc<dyn Meter>));
        Ok(Stores { facts, shared: store, meter, connections: None, link: None })
    }

    fn redis(config: &Config) -> Result<Self, StoreOpenError> {
        let meter = StoreMeter::default();
        let settings = RedisClientSettings::from_config(&config.store)?;
        let link = RedisClient::new(settings.clone(), Arc::new(meter.clone()));
        let store = Arc::new(RedisStore::new(settings, &config.store.key_prefix, Arc::new(meter.clone())));
        let connected = store.clone();
        let connections: Connections = Arc::new(move || connected.connections());
        Ok(Stores {
            facts: store.clone(),
            shared: store,
            meter,
            connections: Some(connections),
            link: Some(link),
        })
    }
}

/// Opens the configured store itself. Redis need not be there yet: calls fail until it is.
///
/// # Errors
/// When it is locked, damaged, of a newer format or not configured; nothing stored was changed then.
pub fn open_store(config: &Config) -> Result<Stores, StoreOpenError> {
    match config.store.backend {
        StoreBackend::Embedded => Stores::embedded(&config.store.path),
        StoreBackend::Memory => Ok(Stores::with_facts(Arc::new(MemoryStore::new()))),
        StoreBackend::Redis => Stores::redis(config),
    }
}

/// Opens the configured store for a replica: where it is shared, with the local one that stands in for it.
///
/// # Errors
/// As [`open_store`], of both.
pub async fn open_stores(config: &Config) -> Result<Stores, StoreOpenError> {
    let stores = open_store(config)?;
    if !config.store.is_shared() {
        return Ok(stores);
    }
    let local = Arc::new(EmbeddedStore::open(&config.store.path)?);
    let mirrored = MirroredStore::new(stores.facts, local.clone(), local).await?;
    Ok(Stores { facts: Arc::new(mirrored), ..stores })
}
