//! Shared state in memory, which lasts as long as the process.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::{Claim, CountBatch, SharedState, SharedTable, StoreError};

/// Keeps everything in memory; for tests, and beside [`super::MemoryStore`]. Replicas in one
/// process may share it.
#[derive(Debug, Default)]
pub struct MemoryState {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    entries: BTreeMap<(SharedTable, String), Entry>,
    counts: BTreeMap<String, f64>,
    applied: BTreeMap<String, u64>,
}

#[derive(Debug)]
struct Entry {
    value: Vec<u8>,
    until: Instant,
}

impl MemoryState {
    /// Empty state.
    pub fn new() -> Self {
        Self::default()
    }

    /// Loses everything, like a server whose data was deleted.
    pub fn clear(&self) {
        *self.lock() = Inner::default();
    }

    /// The entries that have not expired.
    fn live(&self) -> MutexGuard<'_, Inner> {
        let mut inner = self.lock();
        let now = Instant::now();
        inner.entries.retain(|_, entry| now < entry.until);
        inner
    }

    /// No method leaves the maps half-changed, so a panic while the lock was held did no harm.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn put(&mut self, table: SharedTable, key: &str, value: &[u8], ttl: Duration) {
        let entry = Entry { value: value.to_vec(), until: Instant::now() + ttl };
        self.entries.insert((table, key.to_owned()), entry);
    }

    fn get(&self, table: SharedTable, key: &str) -> Option<&[u8]> {
        self.entries.get(&(table, key.to_owned())).map(|entry| entry.value.as_slice())
    }
}

#[async_trait]
impl SharedState for MemoryState {
    async fn claim(
        &self,
        table: SharedTable,
        key: &str,
        value: &[u8],
        ttl: Duration,
    ) -> Result<Claim, StoreError> {
        let mut inner = self.live();
        if let Some(held) = inner.get(table, key) {
            return Ok(Claim::Held(held.to_vec()));
        }
        inner.put(table, key, value, ttl);
        Ok(Claim::Claimed)
    }

    async fn put(
        &self,
        table: SharedTable,
        key: &str,
        value: &[u8],
        ttl: Duration,
    ) -> Result<(), StoreError> {
        self.live().put(table, key, value, ttl);
        Ok(())
    }

    async fn swap(
        &self,
        table: SharedTable,
        key: &str,
        expected: &[u8],
        value: &[u8],
        ttl: Duration,
    ) -> Result<bool, StoreError> {
        let mut inner = self.live();
        let expected = inner.get(table, key) == Some(expected);
        if expected {
            inner.put(table, key, value, ttl);
        }
        Ok(expected)
    }

    async fn remove(&self, table: SharedTable, key: &str) -> Result<bool, StoreError> {
        Ok(self.live().entries.remove(&(table, key.to_owned())).is_some())
    }

    async fn get(&self, table: SharedTable, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.live().get(table, key).map(<[u8]>::to_vec))
    }

    async fn entries(&self, table: SharedTable) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let inner = self.live();
        let own = inner.entries.iter().filter(|((of, _), _)| *of == table);
        Ok(own.map(|((_, key), entry)| (key.clone(), entry.value.clone())).collect())
    }

    async fn count(&self, batch: &CountBatch) -> Result<(), StoreError> {
        let mut inner = self.lock();
        let last = inner.applied.entry(batch.writer.clone()).or_default();
        if batch.sequence > *last {
            *last = batch.sequence;
            for (name, increment) in &batch.increments {
                *inner.counts.entry(name.clone()).or_default() += increment;
            }
        }
        Ok(())
    }

    async fn counts(&self) -> Result<BTreeMap<String, f64>, StoreError> {
        Ok(self.lock().counts.clone())
    }

    async fn raise_counts(&self, least: &BTreeMap<String, f64>) -> Result<(), StoreError> {
        let mut inner = self.lock();
        for (name, least) in least {
            let count = inner.counts.entry(name.clone()).or_default();
            *count = count.max(*least);
        }
        Ok(())
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use std::sync::Arc;

    use super::*;

    async fn fresh() -> Arc<dyn SharedState> {
        Arc::new(MemoryState::new())
    }

    crate::shared_state_contract!(contract, super::fresh);
}
