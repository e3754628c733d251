//! Opens the configured store.

use std::path::Path;
use std::sync::Arc;

use github_stats_actors::store::{
    FactStore, MemoryState, MemoryStore, MirroredStore, SharedState, StoreError,
};

use crate::config::{Config, StoreBackend};
use crate::meter::StoreRequestMeter;
use crate::redis::{RedisClient, RedisClientError, RedisClientSettings};
use crate::replica::Connections;
use crate::store::{EmbeddedStore, MeasuredStore, OpenError, RedisStore};
use crate::telemetry::StoreMeter;

/// Why the configured store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum StoreOpenError {
    #[error(transparent)]
    Embedded(#[from] OpenError),
    /// The embedded store was opened but cannot be read.
    #[error(transparent)]
    Unreadable(#[from] StoreError),
    /// The configuration of Redis is incomplete.
    #[error(transparent)]
    Redis(#[from] RedisClientError),
}

/// The opened store, by port. Cheap to clone.
#[derive(Clone)]
pub struct Stores {
    /// Facts and their coverage.
    pub facts: Arc<dyn FactStore>,
    /// State that replicas share: jobs, counts, cooldowns.
    pub shared: Arc<dyn SharedState>,
    /// Measures the store's requests once it is attached to metrics.
    pub meter: StoreMeter,
    /// The number of open connections to Redis.
    pub connections: Option<Connections>,
    /// A separate client for elections, so that they do not wait behind the store's requests;
    /// `None` without Redis.
    pub redis: Option<RedisClient>,
}

impl Stores {
    /// A store of facts, with shared state in memory only.
    pub fn with_facts(facts: Arc<dyn FactStore>) -> Self {
        let shared = Arc::new(MemoryState::new());
        Stores { facts, shared, meter: StoreMeter::default(), connections: None, redis: None }
    }

    fn embedded(path: &Path) -> Result<Self, StoreOpenError> {
        let store = Arc::new(EmbeddedStore::open(path)?);
        let meter = StoreMeter::default();
        let facts = Arc::new(MeasuredStore::new(
            store.clone(),
            Arc::new(meter.clone()) as Arc<dyn StoreRequestMeter>,
        ));
        Ok(Stores { facts, shared: store, meter, connections: None, redis: None })
    }

    fn redis(config: &Config) -> Result<Self, StoreOpenError> {
        let meter = StoreMeter::default();
        let settings = RedisClientSettings::from_config(&config.store)?;
        let client = RedisClient::new(settings.clone(), Arc::new(meter.clone()));
        let store = Arc::new(RedisStore::new(settings, &config.store.key_prefix, Arc::new(meter.clone())));
        let connected = store.clone();
        let connections: Connections = Arc::new(move || connected.connections());
        Ok(Stores {
            facts: store.clone(),
            shared: store,
            meter,
            connections: Some(connections),
            redis: Some(client),
        })
    }
}

/// Opens the configured store alone. Redis need not be reachable yet: calls fail until it is.
///
/// # Errors
/// If the store is locked, damaged, of a newer format or not configured. Stored data is not changed
/// then.
pub fn open_store(config: &Config) -> Result<Stores, StoreOpenError> {
    match config.store.backend {
        StoreBackend::Embedded => Stores::embedded(&config.store.path),
        StoreBackend::Memory => Ok(Stores::with_facts(Arc::new(MemoryStore::new()))),
        StoreBackend::Redis => Stores::redis(config),
    }
}

/// Opens the configured store for a replica. A shared store is mirrored by a local one, which takes
/// its place during outages.
///
/// # Errors
/// Those of [`open_store`], for either store.
pub async fn open_stores(config: &Config) -> Result<Stores, StoreOpenError> {
    let stores = open_store(config)?;
    if !config.store.is_shared() {
        return Ok(stores);
    }
    let local = Arc::new(EmbeddedStore::open(&config.store.path)?);
    let mirrored = MirroredStore::new(stores.facts, local.clone(), local).await?;
    Ok(Stores { facts: Arc::new(mirrored), ..stores })
}
