//! The store.

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
use super::reader;
use super::scan::PagedScans;
use super::scripts::Scripts;
use crate::meter::Meter;
use crate::redis::{FindingLevel, Preflight, RedisClient, RedisClientSettings};

/// Keeps everything in a Redis that replicas share.
pub struct RedisStore {
    /// For small exchanges, which do not wait behind large ones.
    pub(super) brisk: RedisClient,
    /// For reading and writing records.
    pub(super) bulk: RedisClient,
    pub(super) keys: Keys,
    pub(super) scripts: Scripts,
    pub(super) turns: KeyedLocks,
    pub(super) scans: PagedScans,
}

impl RedisStore {
    /// A store whose keys begin with `key_prefix`. It connects when it is first used; while there is no server, every call fails
    /// at once, and works again when there is one.
    pub fn new(settings: RedisClientSettings, key_prefix: &str, meter: Arc<dyn Meter>) -> Self {
        RedisStore {
            brisk: RedisClient::new(settings.clone(), meter.clone()),
            bulk: RedisClient::new(settings, meter),
            keys: Keys::new(key_prefix),
            scripts: Scripts::new(),
            turns: KeyedLocks::new(),
            scans: PagedScans::default(),
        }
    }

    /// How many connections are open, and how many there are when all is well.
    pub fn connections(&self) -> (usize, usize) {
        let links = [&self.brisk, &self.bulk];
        (links.iter().filter(|link| link.is_open()).count(), links.len())
    }

    /// Looks at the servers, and whether they let us write.
    pub async fn preflight(&self) -> Preflight {
        let mut preflight = self.brisk.preflight().await;
        if preflight.verdict() < FindingLevel::Bad {
            let life = Duration::from_secs(1);
            match SharedState::put(self, SharedTable::CompletedJobs, "preflight", b"", life).await {
                Ok(()) => preflight.add(FindingLevel::Good, "redis takes writes"),
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
        reader::dated(self.facts_of(key).await?, key, |at| at >= since)
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
        self.refuse_stale(epoch).await
    }

    async fn position(&self) -> Result<ChangePosition, StoreError> {
        self.present_position().await
    }

    async fn changes(&self, since: &ChangePosition) -> Result<LogChanges, StoreError> {
        self.follow(since).await
    }
}
