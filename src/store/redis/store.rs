//! The store.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use github_stats_actors::activity::{Batch, FactId, OrgName, Record, RepoKey, RepoState, Timestamp};
use github_stats_actors::role::{Epoch, Shard};
use github_stats_actors::store::{
    Collected, Cursor, FactStore, Followed, Page, Position, SharedState, SharedTable, StoreError, Written,
};

use super::key::Keys;
use super::reader;
use super::scan::Scans;
use super::scripts::Scripts;
use super::turns::Turns;
use crate::meter::Meter;
use crate::redis::{Link, LinkSettings, Preflight, Verdict};

/// Keeps everything in a Redis that replicas share.
pub struct RedisStore {
    /// For small exchanges, which do not wait behind large ones.
    pub(super) brisk: Link,
    /// For reading and writing records.
    pub(super) bulk: Link,
    pub(super) keys: Keys,
    pub(super) scripts: Scripts,
    pub(super) turns: Turns,
    pub(super) scans: Scans,
}

impl RedisStore {
    /// A store whose keys begin with `key_prefix`. It connects when it is first used; while there is no server, every call fails
    /// at once, and works again when there is one.
    pub fn new(settings: LinkSettings, key_prefix: &str, meter: Arc<dyn Meter>) -> Self {
        RedisStore {
            brisk: Link::new(settings.clone(), meter.clone()),
            bulk: Link::new(settings, meter),
            keys: Keys::new(key_prefix),
            scripts: Scripts::new(),
            turns: Turns::new(),
            scans: Scans::default(),
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
        if preflight.verdict() < Verdict::Bad {
            let life = Duration::from_secs(1);
            match SharedState::put(self, SharedTable::Ledger, "preflight", b"", life).await {
                Ok(()) => preflight.add(Verdict::Good, "redis takes writes"),
                Err(error) => preflight.add(Verdict::Bad, error.to_string()),
            }
        }
        preflight
    }
}

#[async_trait]
impl FactStore for RedisStore {
    async fn write(&self, batch: Batch) -> Result<Written, StoreError> {
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

    async fn scan(&self, from: Option<Cursor>, limit: usize) -> Result<Page, StoreError> {
        self.page(from, limit).await
    }

    async fn collect_garbage(
        &self,
        key: &RepoKey,
        floor: Timestamp,
        epoch: Epoch,
    ) -> Result<Option<Collected>, StoreError> {
        self.collect(key, floor, epoch).await
    }

    async fn begin_epoch(&self, shard: Shard, after: Epoch) -> Result<Epoch, StoreError> {
        self.issue_epoch(shard, after).await
    }

    async fn confirm_epoch(&self, epoch: Epoch) -> Result<(), StoreError> {
        self.refuse_stale(epoch).await
    }

    async fn position(&self) -> Result<Position, StoreError> {
        self.present_position().await
    }

    async fn changes(&self, since: &Position) -> Result<Followed, StoreError> {
        self.follow(since).await
    }
}
