//! The Redis store.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use github_stats_actors::activity::{Batch, FactId, OrgName, Record, RepoKey, RepoState, Timestamp};
use github_stats_actors::role::{Epoch, Shard};
use github_stats_actors::store::{
    ChangePosition, FactStore, GarbageCollected, LogChanges, RecordPage, ScanCursor, SharedState,
    SharedTable, StoreError, WriteSummary,
};

use super::key::Keys;
use super::keyed_locks::KeyedLocks;
use super::paged_scans::PagedScans;
use super::reply::dated;
use super::scripts::Scripts;
use crate::meter::StoreRequestMeter;
use crate::redis::{FindingLevel, Preflight, RedisClient, RedisClientSettings};

/// Stores facts and shared state in a Redis that all replicas use.
pub struct RedisStore {
    /// For small requests, so that they do not wait behind large ones.
    pub(super) quick: RedisClient,
    /// For reading and writing records.
    pub(super) bulk: RedisClient,
    pub(super) keys: Keys,
    pub(super) scripts: Scripts,
    pub(super) write_locks: KeyedLocks,
    pub(super) scans: PagedScans,
}

impl RedisStore {
    /// A store whose keys begin with `key_prefix`. It connects on first use; while the server is
    /// unreachable, every call fails at once.
    pub fn new(settings: RedisClientSettings, key_prefix: &str, meter: Arc<dyn StoreRequestMeter>) -> Self {
        RedisStore {
            quick: RedisClient::new(settings.clone(), meter.clone()),
            bulk: RedisClient::new(settings, meter),
            keys: Keys::new(key_prefix),
            scripts: Scripts::new(),
            write_locks: KeyedLocks::new(),
            scans: PagedScans::default(),
        }
    }

    /// The number of open connections, and their number when all of them are open.
    pub fn connections(&self) -> (usize, usize) {
        let clients = [&self.quick, &self.bulk];
        (clients.iter().filter(|client| client.is_open()).count(), clients.len())
    }

    /// Checks the servers' configuration, and whether they accept a write.
    pub async fn preflight(&self) -> Preflight {
        let mut preflight = self.quick.preflight().await;
        if preflight.level() < FindingLevel::Bad {
            let life = Duration::from_secs(1);
            match SharedState::put(self, SharedTable::CompletedJobs, "preflight", b"", life).await {
                Ok(()) => preflight.add(FindingLevel::Good, "redis accepts writes"),
                Err(error) => preflight.add(FindingLevel::Bad, error.to_string()),
            }
        }
        preflight
    }
}

#[async_trait]
impl FactStore for RedisStore {
    async fn write(&self, batch: Batch) -> Result<WriteSummary, StoreError> {
        self.write_batch(batch).await
    }

    async fn repositories(&self, org: &OrgName) -> Result<Vec<RepoState>, StoreError> {
        self.states_of(org).await
    }

    async fn repository(&self, key: &RepoKey) -> Result<Option<RepoState>, StoreError> {
        self.state_of(key).await
    }

    async fn organisations(&self) -> Result<Vec<OrgName>, StoreError> {
        self.all_organisations().await
    }

    async fn records(&self, key: &RepoKey, since: Timestamp) -> Result<Vec<(FactId, Record)>, StoreError> {
        dated(self.facts_of(key).await?, key, |at| at >= since)
    }

    async fn scan(&self, from: Option<ScanCursor>, limit: usize) -> Result<RecordPage, StoreError> {
        self.page(from, limit).await
    }

    async fn collect_garbage(
        &self,
        key: &RepoKey,
        floor: Timestamp,
        epoch: Epoch,
    ) -> Result<Option<GarbageCollected>, StoreError> {
        self.collect(key, floor, epoch).await
    }

    async fn begin_epoch(&self, shard: Shard, after: Epoch) -> Result<Epoch, StoreError> {
        self.issue_epoch(shard, after).await
    }

    async fn confirm_epoch(&self, epoch: Epoch) -> Result<(), StoreError> {
        self.check_epoch(epoch).await
    }

    async fn position(&self) -> Result<ChangePosition, StoreError> {
        self.current_position().await
    }

    async fn changes(&self, since: &ChangePosition) -> Result<LogChanges, StoreError> {
        self.changes_since(since).await
    }
}
