//! The port behind which replicas keep what they share besides facts: small entries that expire, and counts.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;

/// Which kind of entries. Each kind is listed and expires by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SharedTable {
    /// What each live replica last told of itself, by the replica's name.
    Replicas,
    /// Live backfill jobs, by deduplication key.
    Jobs,
    /// Jobs that were given up and that nobody has resolved, by job id.
    DeadLetters,
    /// What was done once and is not to be done again, by whatever names it.
    Ledger,
    /// What replicas know of GitHub's limits, by whatever the limit is counted for.
    Quota,
    /// Repositories of which a replica holds what the shared store lacks; only in its own local store.
    Unsent,
    /// Organisations that are left alone for a while, by name.
    Cooldowns,
    /// What operators have paused, by organisation.
    Maintenance,
}

impl SharedTable {
    /// Every kind.
    pub const ALL: [SharedTable; 8] = [
        SharedTable::Replicas,
        SharedTable::Jobs,
        SharedTable::DeadLetters,
        SharedTable::Ledger,
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
            SharedTable::Ledger => "ledger",
            SharedTable::Quota => "quota",
            SharedTable::Unsent => "unsent",
            SharedTable::Cooldowns => "cooldowns",
            SharedTable::Maintenance => "maintenance",
        }
    }
}

/// What became of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The entry was free and now has the claimant's value.
    Claimed,
    /// Somebody else has it, with this value.
    Held(Vec<u8>),
}

/// Counts that one writer adds; applied once, however often they are sent.
#[derive(Clone, Debug, PartialEq)]
pub struct CountBatch {
    /// Who counted: unique for every start of every replica.
    pub writer: String,
    /// The number of the batch, from 1, of this writer. A batch whose number is not above the last one applied was
    /// applied already.
    pub sequence: u64,
    /// What to add, by whatever names the count. None is negative.
    pub increments: BTreeMap<String, f64>,
}

/// Small values that all replicas see. Every call is atomic.
///
/// An entry is gone once its time to live has passed, whether or not anybody has looked at it since.
#[async_trait]
pub trait SharedState: Send + Sync + 'static {
    /// Sets an entry that is not there; of several claimants one succeeds.
    async fn claim(
        &self,
        table: SharedTable,
        key: &str,
        value: &[u8],
        ttl: Duration,
    ) -> Result<Claim, StoreError>;

    /// Sets an entry, whatever was there.
    async fn put(&self, table: SharedTable, key: &str, value: &[u8], ttl: Duration)
    -> Result<(), StoreError>;

    /// Sets an entry that has the value `expected`; whether it had.
    async fn swap(
        &self,
        table: SharedTable,
        key: &str,
        expected: &[u8],
        value: &[u8],
        ttl: Duration,
    ) -> Result<bool, StoreError>;

    /// Removes an entry; whether it was there.
    async fn remove(&self, table: SharedTable, key: &str) -> Result<bool, StoreError>;

    /// An entry's value.
    async fn get(&self, table: SharedTable, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// All entries, sorted by key.
    async fn entries(&self, table: SharedTable) -> Result<Vec<(String, Vec<u8>)>, StoreError>;

    /// Adds to the counts.
    async fn count(&self, batch: &CountBatch) -> Result<(), StoreError>;

    /// All counts by name.
    async fn counts(&self) -> Result<BTreeMap<String, f64>, StoreError>;

    /// Raises each count to at least this: how a store that lost everything learns its counts again.
    async fn raise_counts(&self, least: &BTreeMap<String, f64>) -> Result<(), StoreError>;
}
