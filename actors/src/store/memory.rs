//! A fact store in memory, which lasts as long as the process.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use rand::RngExt;

use super::{
    CHANGES_KEPT, ChangePosition, FactStore, GarbageCollected, JoinOutcome, LogChanges, OrgLogPosition,
    RecordPage, ScanCursor, StoreChange, StoreError, StoredRecord, WriteSummary, fold, join,
};
use crate::activity::{Batch, FactId, OrgName, Record, RepoKey, RepoState, Timestamp};
use crate::role::{Epoch, Shard};

/// Keeps everything in memory; for tests, and for `store.backend: memory`. Replicas in one process
/// may share it.
#[derive(Debug, Default)]
pub struct MemoryStore {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Distinguishes the logs of this store from those of any other.
    log: u64,
    /// The current epoch of each shard, by its number; the greatest is the one issued last.
    epochs: BTreeMap<u32, Epoch>,
    repositories: BTreeMap<RepoKey, Repository>,
    logs: BTreeMap<OrgName, Log>,
}

/// The records that changed, the latest last.
#[derive(Debug, Default)]
struct Log {
    sequence: u64,
    changes: VecDeque<(RepoKey, Vec<FactId>)>,
}

#[derive(Debug)]
struct Repository {
    state: RepoState,
    records: BTreeMap<FactId, Record>,
}

impl Repository {
    fn take_before(&mut self, floor: Timestamp) -> BTreeMap<FactId, Record> {
        let (old, kept) =
            std::mem::take(&mut self.records).into_iter().partition(|(_, record)| record.latest.at < floor);
        self.records = kept;
        old
    }
}

impl Default for Inner {
    fn default() -> Self {
        Inner {
            log: rand::rng().random(),
            epochs: BTreeMap::new(),
            repositories: BTreeMap::new(),
            logs: BTreeMap::new(),
        }
    }
}

impl Inner {
    fn last_epoch(&self) -> Epoch {
        self.epochs.values().copied().max().unwrap_or_default()
    }

    fn confirm(&self, asked: Epoch) -> Result<(), StoreError> {
        let is_current = self.epochs.values().any(|epoch| *epoch == asked);
        let stale = || StoreError::StaleEpoch { asked, current: self.last_epoch() };
        is_current.then_some(()).ok_or_else(stale)
    }

    fn log(&mut self, key: &RepoKey, changed: Vec<FactId>) {
        let log = self.logs.entry(key.org.clone()).or_default();
        log.sequence += 1;
        log.changes.push_back((key.clone(), changed));
        if log.changes.len() > CHANGES_KEPT {
            log.changes.pop_front();
        }
    }

    /// The changes since a position; `None` if the logs do not reach back that far, or the position
    /// is of another store.
    fn changes(&self, since: &ChangePosition) -> Option<Vec<StoreChange>> {
        if since.0.iter().any(|(org, seen)| seen.log != self.log || !self.logs.contains_key(org)) {
            return None;
        }
        let mut changes = Vec::new();
        for (org, log) in &self.logs {
            let seen = since.0.get(org).map_or(0, |seen| seen.sequence);
            let missed = usize::try_from(log.sequence.checked_sub(seen)?).ok()?;
            let first = log.changes.len().checked_sub(missed)?;
            changes.extend(log.changes.range(first..).filter_map(|(key, ids)| self.change(key, ids)));
        }
        Some(changes)
    }

    fn change(&self, key: &RepoKey, ids: &[FactId]) -> Option<StoreChange> {
        let repository = self.repositories.get(key)?;
        let records = ids.iter().filter_map(|id| Some((*id, repository.records.get(id)?.clone())));
        Some(StoreChange { state: repository.state.clone(), changed: records.collect() })
    }

    fn position(&self) -> ChangePosition {
        let positions = self
            .logs
            .iter()
            .map(|(org, log)| (org.clone(), OrgLogPosition { log: self.log, sequence: log.sequence }));
        ChangePosition(positions.collect())
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// No method leaves the maps half-changed, so a panic while the lock was held did no harm.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl FactStore for MemoryStore {
    async fn write(&self, batch: Batch) -> Result<WriteSummary, StoreError> {
        let mut inner = self.lock();
        let repository = inner.repositories.entry(batch.key.clone()).or_insert_with(|| Repository {
            state: RepoState::new(batch.key.clone(), batch.meta.clone()),
            records: BTreeMap::new(),
        });
        let removed = match repository.state.merge(&batch) {
            true => repository.take_before(repository.state.floor).len(),
            false => 0,
        };
        let mut changed = Vec::new();
        let mut refused = 0;
        for (id, incoming) in batch.records {
            match join(repository.records.get(&id).cloned(), incoming, repository.state.floor) {
                JoinOutcome::Refused => refused += 1,
                JoinOutcome::Unchanged => {}
                JoinOutcome::Changed(record) => {
                    repository.records.insert(id, record.clone());
                    changed.push((id, record));
                }
            }
        }
        let state = repository.state.clone();
        inner.log(&state.key, changed.iter().map(|(id, _)| *id).collect());
        Ok(WriteSummary { state, changed, removed, refused })
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

    async fn scan(&self, from: Option<ScanCursor>, limit: usize) -> Result<RecordPage, StoreError> {
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
        Ok(RecordPage { records, next: rest.next().map(|(key, id, _)| (key.clone(), *id)) })
    }

    async fn collect_garbage(
        &self,
        key: &RepoKey,
        floor: Timestamp,
        epoch: Epoch,
    ) -> Result<Option<GarbageCollected>, StoreError> {
        let mut inner = self.lock();
        inner.confirm(epoch)?;
        let Some(repository) = inner.repositories.get_mut(key) else { return Ok(None) };
        if floor <= repository.state.floor {
            return Ok(None);
        }
        let old = repository.take_before(floor);
        for (id, record) in &old {
            fold(&mut repository.state, *id, record);
        }
        repository.state.floor = floor;
        repository.state.coverage.prune(floor);
        let state = repository.state.clone();
        inner.log(key, Vec::new());
        Ok(Some(GarbageCollected { state, removed: old.len() }))
    }

    async fn begin_epoch(&self, shard: Shard, after: Epoch) -> Result<Epoch, StoreError> {
        let mut inner = self.lock();
        let next = Epoch(inner.last_epoch().max(after).0 + 1);
        inner.epochs.insert(shard.number(), next);
        Ok(next)
    }

    async fn confirm_epoch(&self, epoch: Epoch) -> Result<(), StoreError> {
        self.lock().confirm(epoch)
    }

    async fn position(&self) -> Result<ChangePosition, StoreError> {
        Ok(self.lock().position())
    }

    async fn changes(&self, since: &ChangePosition) -> Result<LogChanges, StoreError> {
        let inner = self.lock();
        let position = inner.position();
        let changes = inner.changes(since);
        Ok(changes.map_or(LogChanges::Lost, |changes| LogChanges::Changes {
            changes,
            complete: true,
            position,
        }))
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use std::sync::Arc;

    use super::*;

    async fn fresh() -> Arc<dyn FactStore> {
        Arc::new(MemoryStore::new())
    }

    crate::fact_store_contract!(contract, super::fresh);
    crate::shared_store_contract!(shared, super::fresh);
}
