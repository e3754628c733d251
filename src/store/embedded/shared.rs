//! Shared state in the embedded store. Only this process uses it, so "shared" means that it
//! survives restarts.
//!
//! The key of an entry is a byte for the table and the key; its value is the expiry time in
//! milliseconds of the system clock (big endian) and the value. Expired entries are treated as
//! absent, and are removed at most once a minute, by a claim.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use github_stats_actors::clock::system_unix_ms;
use github_stats_actors::store::{Claim, CountBatch, SharedState, SharedTable, StoreError};
use redb::{ReadOnlyTable, ReadableDatabase, ReadableTable, TableDefinition, TableError};

use super::EmbeddedStore;
use super::failure::DatabaseFailure;
use super::tables::{COUNTS, ENTRIES, WriteTables};

/// Minimum interval between removals of expired entries, each of which reads the whole table.
const CLEANING_INTERVAL_MS: i64 = 60_000;

#[async_trait]
impl SharedState for EmbeddedStore {
    async fn claim(
        &self,
        table: SharedTable,
        key: &str,
        value: &[u8],
        ttl: Duration,
    ) -> Result<Claim, StoreError> {
        let (key, entry) = (entry_key(table, key), entry(value, ttl));
        let removes_expired = self.cleaning_is_due();
        let claim = move |tables: &mut WriteTables<'_>| {
            if removes_expired {
                tables.remove_expired()?;
            }
            match tables.live_entry(&key)? {
                Some(held) => Ok(Claim::Held(held)),
                None => tables.put_entry(&key, &entry).map(|()| Claim::Claimed),
            }
        };
        self.writer.commit(claim).await
    }

    async fn put(
        &self,
        table: SharedTable,
        key: &str,
        value: &[u8],
        ttl: Duration,
    ) -> Result<(), StoreError> {
        let (key, entry) = (entry_key(table, key), entry(value, ttl));
        self.writer.commit(move |tables| tables.put_entry(&key, &entry)).await
    }

    async fn swap(
        &self,
        table: SharedTable,
        key: &str,
        expected: &[u8],
        value: &[u8],
        ttl: Duration,
    ) -> Result<bool, StoreError> {
        let (key, entry, expected) = (entry_key(table, key), entry(value, ttl), expected.to_vec());
        let swap = move |tables: &mut WriteTables<'_>| {
            let as_expected = tables.live_entry(&key)?.as_ref() == Some(&expected);
            if as_expected {
                tables.put_entry(&key, &entry)?;
            }
            Ok(as_expected)
        };
        self.writer.commit(swap).await
    }

    async fn remove(&self, table: SharedTable, key: &str) -> Result<bool, StoreError> {
        let key = entry_key(table, key);
        let remove = move |tables: &mut WriteTables<'_>| {
            let existed = tables.live_entry(&key)?.is_some();
            tables.entries.remove(key.as_slice())?;
            Ok(existed)
        };
        self.writer.commit(remove).await
    }

    async fn get(&self, table: SharedTable, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let key = entry_key(table, key);
        let get = move |entries: Option<Entries>| {
            let Some(entries) = entries else { return Ok(None) };
            let entry = ReadableTable::get(&entries, key.as_slice())?;
            Ok(entry.and_then(|entry| live_value(entry.value(), system_unix_ms()).map(<[u8]>::to_vec)))
        };
        self.read_table(ENTRIES, get).await
    }

    async fn entries(&self, table: SharedTable) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let list = move |entries: Option<Entries>| {
            let Some(entries) = entries else { return Ok(Vec::new()) };
            let (from, to) = bounds(table);
            let now = system_unix_ms();
            let mut live = Vec::new();
            for stored in ReadableTable::range::<&[u8]>(&entries, from.as_slice()..to.as_slice())? {
                let (key, entry) = stored?;
                if let Some(value) = live_value(entry.value(), now) {
                    let key = String::from_utf8_lossy(&key.value()[1..]).into_owned();
                    live.push((key, value.to_vec()));
                }
            }
            Ok(live)
        };
        self.read_table(ENTRIES, list).await
    }

    async fn count(&self, batch: &CountBatch) -> Result<(), StoreError> {
        let batch = batch.clone();
        self.writer.commit(move |tables| tables.count(&batch)).await
    }

    async fn counts(&self) -> Result<BTreeMap<String, f64>, StoreError> {
        let all = |counts: Option<ReadOnlyTable<&'static str, f64>>| {
            let Some(counts) = counts else { return Ok(BTreeMap::new()) };
            let by_name = ReadableTable::iter(&counts)?
                .map(|count| count.map(|(name, count)| (name.value().to_owned(), count.value())));
            Ok(by_name.collect::<Result<_, _>>()?)
        };
        self.read_table(COUNTS, all).await
    }

    async fn raise_counts(&self, least: &BTreeMap<String, f64>) -> Result<(), StoreError> {
        let least = least.clone();
        self.writer.commit(move |tables| tables.raise_counts(&least)).await
    }
}

type Entries = ReadOnlyTable<&'static [u8], &'static [u8]>;

impl EmbeddedStore {
    /// Whether this caller should remove expired entries.
    fn cleaning_is_due(&self) -> bool {
        let now = system_unix_ms();
        let last = self.cleaned_ms.load(Ordering::Relaxed);
        let due = now - last >= CLEANING_INTERVAL_MS;
        due && self.cleaned_ms.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Reads a table; `None` if it does not exist because nothing has been written to it yet.
    pub(super) async fn read_table<K, V, T>(
        &self,
        table: TableDefinition<'static, K, V>,
        read: impl FnOnce(Option<ReadOnlyTable<K, V>>) -> Result<T, DatabaseFailure> + Send + 'static,
    ) -> Result<T, StoreError>
    where
        K: redb::Key + Send + Sync + 'static,
        V: redb::Value + Send + Sync + 'static,
        T: Send + 'static,
    {
        let handle = self.handle.clone();
        let result = tokio::task::spawn_blocking(move || {
            handle.run(|database| match database.begin_read()?.open_table(table) {
                Ok(table) => read(Some(table)),
                Err(TableError::TableDoesNotExist(_)) => read(None),
                Err(error) => Err(error.into()),
            })
        });
        result.await.unwrap_or_else(|error| Err(StoreError::Unavailable(error.to_string())))
    }
}

impl WriteTables<'_> {
    fn live_entry(&self, key: &[u8]) -> Result<Option<Vec<u8>>, DatabaseFailure> {
        let entry = self.entries.get(key)?;
        Ok(entry.and_then(|entry| live_value(entry.value(), system_unix_ms()).map(<[u8]>::to_vec)))
    }

    fn remove_expired(&mut self) -> Result<(), DatabaseFailure> {
        let now = system_unix_ms();
        Ok(self.entries.retain(|_, entry| live_value(entry, now).is_some())?)
    }

    fn put_entry(&mut self, key: &[u8], entry: &[u8]) -> Result<(), DatabaseFailure> {
        self.entries.insert(key, entry)?;
        Ok(())
    }

    /// Applies a batch of counts unless it was applied before.
    fn count(&mut self, batch: &CountBatch) -> Result<(), DatabaseFailure> {
        let applied = self.applied.get(batch.writer.as_str())?.map_or(0, |sequence| sequence.value());
        if batch.sequence <= applied {
            return Ok(());
        }
        self.applied.insert(batch.writer.as_str(), batch.sequence)?;
        for (name, increment) in &batch.increments {
            let count = self.counts.get(name.as_str())?.map_or(0.0, |count| count.value());
            self.counts.insert(name.as_str(), count + increment)?;
        }
        Ok(())
    }

    fn raise_counts(&mut self, least: &BTreeMap<String, f64>) -> Result<(), DatabaseFailure> {
        for (name, least) in least {
            let count = self.counts.get(name.as_str())?.map_or(0.0, |count| count.value());
            self.counts.insert(name.as_str(), count.max(*least))?;
        }
        Ok(())
    }
}

fn tag(table: SharedTable) -> u8 {
    match table {
        SharedTable::Replicas => 0,
        SharedTable::Jobs => 1,
        SharedTable::DeadLetters => 2,
        SharedTable::CompletedJobs => 3,
        SharedTable::Quota => 4,
        SharedTable::Unsent => 5,
        SharedTable::Cooldowns => 6,
        SharedTable::Maintenance => 7,
    }
}

fn entry_key(table: SharedTable, key: &str) -> Vec<u8> {
    [&[tag(table)], key.as_bytes()].concat()
}

fn bounds(table: SharedTable) -> ([u8; 1], [u8; 1]) {
    ([tag(table)], [tag(table) + 1])
}

fn entry(value: &[u8], ttl: Duration) -> Vec<u8> {
    let ttl = i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX / 4);
    [&(system_unix_ms() + ttl).to_be_bytes(), value].concat()
}

/// The value of an entry that has not expired. An entry too short for an expiry time counts as
/// expired.
fn live_value(entry: &[u8], now: i64) -> Option<&[u8]> {
    let (expires_at, value) = entry.split_first_chunk()?;
    (now < i64::from_be_bytes(*expires_at)).then_some(value)
}
