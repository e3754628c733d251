//! A store that lasts as long as the process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{Collected, Cursor, FactStore, Joined, Page, StoreError, StoredRecord, Written, fold, join};
use crate::activity::{Batch, FactId, OrgName, Record, RepoKey, RepoState, Timestamp};
use crate::role::Epoch;

/// Keeps everything in memory; for tests, and for `store.backend: memory`.
#[derive(Debug, Default)]
pub struct MemoryStore {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    epoch: Epoch,
    repositories: BTreeMap<RepoKey, Repository>,
}

#[derive(Debug)]
struct Repository {
    state: RepoState,
    records: BTreeMap<FactId, Record>,
}

impl Repository {
    fn drop_before(&mut self, floor: Timestamp) -> Vec<FactId> {
        let (old, kept): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(&mut self.records).into_iter().partition(|(_, record)| record.latest.at < floor);
        self.records = kept;
        old.into_keys().collect()
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// No method leaves the maps half-changed, so a panic while the lock was held has damaged nothing.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl FactStore for MemoryStore {
    async fn write(&self, batch: Batch) -> Result<Written, StoreError> {
        let mut inner = self.lock();
        let repository = inner.repositories.entry(batch.key.clone()).or_insert_with(|| Repository {
            state: RepoState::new(batch.key.clone(), batch.meta.clone()),
            records: BTreeMap::new(),
        });
        let removed = match repository.state.merge(&batch) {
            true => repository.drop_before(repository.state.floor),
            false => Vec::new(),
        };
        let mut changed = Vec::new();
        let mut refused = 0;
        for (id, incoming) in batch.records {
            match join(repository.records.get(&id).cloned(), incoming, repository.state.floor) {
                Joined::Refused => refused += 1,
                Joined::Unchanged => {}
                Joined::Changed(record) => {
                    repository.records.insert(id, record.clone());
                    changed.push((id, record));
                }
            }
        }
        Ok(Written { state: repository.state.clone(), changed, removed, refused })
    }

    async fn repositories(&self, org: &OrgName) -> Result<Vec<RepoState>, StoreError> {
        let inner = self.lock();
        Ok(inner.repositories.values().filter(|r| r.state.key.org == *org).map(|r| r.state.clone()).collect())
    }

    async fn organisations(&self) -> Result<Vec<OrgName>, StoreError> {
        let orgs: BTreeSet<OrgName> = self.lock().repositories.keys().map(|key| key.org.clone()).collect();
        Ok(orgs.into_iter().collect())
    }

    async fn records(&self, key: &RepoKey, since: Timestamp) -> Result<Vec<(FactId, Record)>, StoreError> {
        let inner = self.lock();
        let Some(repository) = inner.repositories.get(key) else { return Ok(Vec::new()) };
        let recent = repository.records.iter().filter(|(_, record)| record.latest.at >= since);
        Ok(recent.map(|(id, record)| (*id, record.clone())).collect())
    }

    async fn scan(&self, from: Option<Cursor>, limit: usize) -> Result<Page, StoreError> {
        let inner = self.lock();
        let all =
            inner.repositories.iter().flat_map(|(key, r)| r.records.iter().map(move |(id, r)| (key, id, r)));
        let mut rest =
            all.skip_while(|(key, id, _)| from.as_ref().is_some_and(|(k, i)| (*key, *id) < (k, i)));
        let records = rest
            .by_ref()
            .take(limit)
            .map(|(key, id, record)| StoredRecord { key: key.clone(), id: *id, record: record.clone() })
            .collect();
        Ok(Page { records, next: rest.next().map(|(key, id, _)| (key.clone(), *id)) })
    }

    async fn collect_garbage(
        &self,
        key: &RepoKey,
        floor: Timestamp,
        epoch: Epoch,
    ) -> Result<Option<Collected>, StoreError> {
        let mut inner = self.lock();
        if epoch < inner.epoch {
            return Err(StoreError::StaleEpoch { asked: epoch, current: inner.epoch });
        }
        let Some(repository) = inner.repositories.get_mut(key) else { return Ok(None) };
        if floor <= repository.state.floor {
            return Ok(None);
        }
        let old: Vec<FactId> =
            repository.records.iter().filter(|(_, r)| r.latest.at < floor).map(|(id, _)| *id).collect();
        for id in &old {
            if let Some(record) = repository.records.remove(id) {
                fold(&mut repository.state, *id, &record);
            }
        }
        repository.state.floor = floor;
        repository.state.coverage.prune(floor);
        Ok(Some(Collected { state: repository.state.clone(), removed: old }))
    }

    async fn begin_epoch(&self) -> Result<Epoch, StoreError> {
        let mut inner = self.lock();
        inner.epoch.0 += 1;
        Ok(inner.epoch)
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use std::sync::Arc;

    use super::*;

    async fn fresh() -> Option<Arc<dyn FactStore>> {
        Some(Arc::new(MemoryStore::new()))
    }

    crate::fact_store_contract!(contract, super::fresh);
}
