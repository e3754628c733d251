//! Joins a batch with the stored records and decides what to write. Pure functions.

use std::collections::BTreeMap;

use github_stats_actors::activity::{Batch, FactId, Record, RepoState};
use github_stats_actors::store::{JoinOutcome, WriteSummary, join};

use super::version::RepoVersion;

/// The stored data that a write to a repository depends on.
#[derive(Debug, Default)]
pub(super) struct StoredRepository {
    /// Its version and state; `None` for a new repository.
    pub(super) repository: Option<(RepoVersion, RepoState)>,
    /// The stored records among those of the batch.
    pub(super) records: BTreeMap<FactId, Record>,
}

/// The changes a write makes to a repository.
#[derive(Debug)]
pub(super) struct WritePlan {
    /// The version the plan is based on; `None` for a new repository.
    pub(super) expected: Option<RepoVersion>,
    /// The state to store while only a part of the records is written. Its coverage does not
    /// include the batch yet.
    pub(super) interim_state: RepoState,
    /// The state after the write.
    pub(super) state: RepoState,
    /// Whether the batch raises the floor, so that older records must be removed.
    pub(super) floor_rises: bool,
    /// Whether the state differs from the stored one.
    pub(super) state_changes: bool,
    /// The records that differ from the stored ones, sorted.
    pub(super) changed: Vec<(FactId, Record)>,
    /// Number of records of the batch that were refused because they are older than the floor.
    pub(super) refused: usize,
}

impl WritePlan {
    /// Joins a batch with what is stored.
    pub(super) fn new(batch: &Batch, stored: StoredRepository) -> Self {
        let StoredRepository { repository, records } = stored;
        let expected = repository.as_ref().map(|(version, _)| *version);
        let stored = repository.map(|(_, state)| state);
        let mut state =
            stored.clone().unwrap_or_else(|| RepoState::new(batch.key.clone(), batch.meta.clone()));
        let mut interim_state = state.clone();
        interim_state.merge(&Batch::new(batch.key.clone(), batch.meta.clone()));
        let floor_rises = state.merge(batch);
        let mut changed: BTreeMap<FactId, Record> = BTreeMap::new();
        let mut refused = 0;
        for (id, incoming) in &batch.records {
            // A batch may contain a fact twice.
            let stored = changed.get(id).or_else(|| records.get(id)).cloned();
            match join(stored, incoming.clone(), state.floor) {
                JoinOutcome::Refused => refused += 1,
                JoinOutcome::Unchanged => {}
                JoinOutcome::Changed(record) => {
                    changed.insert(*id, record);
                }
            }
        }
        let changed = changed.into_iter().collect();
        let state_changes = stored.as_ref() != Some(&state);
        WritePlan { expected, interim_state, state, floor_rises, state_changes, changed, refused }
    }

    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        !self.state_changes && self.changed.is_empty()
    }

    /// The result to return to the caller.
    pub(super) fn into_summary(self, removed: usize) -> WriteSummary {
        WriteSummary { state: self.state, changed: self.changed, removed, refused: self.refused }
    }
}
