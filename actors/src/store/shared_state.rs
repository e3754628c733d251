//! The port to the state that replicas share besides facts: small entries that expire, and counts.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;

/// The kinds of entries. Each is listed by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SharedTable {
    /// The last report of each live replica, by the replica's name.
    Replicas,
    /// Pending backfill jobs, by deduplication key.
    Jobs,
    /// Dead letters, by job id.
    DeadLetters,
    /// Jobs that were completed and dead letters that were reprocessed, so that neither happens
    /// twice.
    CompletedJobs,
    /// What replicas know of GitHub's rate limits, by the credentials a limit applies to.
    Quota,
    /// Repositories of which a replica holds facts that the shared store lacks. Only in its local
    /// store.
    Unsent,
    /// Organisations in cooldown, by name.
    Cooldowns,
    /// Maintenance pauses, by organisation.
    Maintenance,
}

impl SharedTable {
    /// Every kind.
    pub const ALL: [SharedTable; 8] = [
        SharedTable::Replicas,
        SharedTable::Jobs,
        SharedTable::DeadLetters,
        SharedTable::CompletedJobs,
        SharedTable::Quota,
        SharedTable::Unsent,
        SharedTable::Cooldowns,
        SharedTable::Maintenance,
    ];

    /// Its name in keys.
    pub fn as_str(self) -> &'static str {
        match self {
            SharedTable::Replicas => "replicas",
            SharedTable::Jobs => "jobs",
            SharedTable::DeadLetters => "dead-letters",
            SharedTable::CompletedJobs => "ledger",
            SharedTable::Quota => "quota",
            SharedTable::Unsent => "unsent",
            SharedTable::Cooldowns => "cooldowns",
            SharedTable::Maintenance => "maintenance",
        }
    }
}

/// The outcome of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The entry was free and now has the claimant's value.
    Claimed,
    /// Another claimant holds it, with this value.
    Held(Vec<u8>),
}

/// Increments of counters by one writer. They are applied once, however often they are sent.
#[derive(Clone, Debug, PartialEq)]
pub struct CountBatch {
    /// Unique for every start of every replica.
    pub writer: String,
    /// The number of the batch among those of the writer, from 1. A batch is ignored unless its
    /// number is greater than that of the last one applied.
    pub sequence: u64,
    /// What to add, by the name of the counter; never negative.
    pub increments: BTreeMap<String, f64>,
}

/// Small values that all replicas see. Every call is atomic. An entry disappears once its time to
/// live has passed.
#[async_trait]
pub trait SharedState: Send + Sync + 'static {
    /// Sets an entry that does not exist; of several claimants one succeeds.
    async fn claim(
        &self,
        table: SharedTable,
        key: &str,
        value: &[u8],
        ttl: Duration,
    ) -> Result<Claim, StoreError>;

    /// Sets an entry unconditionally.
    async fn put(&self, table: SharedTable, key: &str, value: &[u8], ttl: Duration)
    -> Result<(), StoreError>;

    /// Sets an entry if it has the value `expected`; returns whether it had.
    async fn swap(
        &self,
        table: SharedTable,
        key: &str,
        expected: &[u8],
        value: &[u8],
        ttl: Duration,
    ) -> Result<bool, StoreError>;

    /// Removes an entry; returns whether it existed.
    async fn remove(&self, table: SharedTable, key: &str) -> Result<bool, StoreError>;

    /// An entry's value.
    async fn get(&self, table: SharedTable, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// All entries, sorted by key.
    async fn entries(&self, table: SharedTable) -> Result<Vec<(String, Vec<u8>)>, StoreError>;

    /// Adds to the counters.
    async fn count(&self, batch: &CountBatch) -> Result<(), StoreError>;

    /// All counters by name.
    async fn counts(&self) -> Result<BTreeMap<String, f64>, StoreError>;

    /// Raises each counter to at least this value, which restores the counters of a store that lost
    /// them.
    async fn raise_counts(&self, least: &BTreeMap<String, f64>) -> Result<(), StoreError>;
}
