//! Deciding, from what is stored and what is to be written, what will be stored. Pure.

use std::collections::BTreeMap;

use github_stats_actors::activity::{Batch, FactId, Record, RepoState};
use github_stats_actors::store::{JoinOutcome, WriteSummary, join};

use super::version::RecordVersion;

/// What was read of a repository before writing to it.
#[derive(Debug, Default)]
pub(super) struct StoredRepository {
    /// Its version and state; `None` when it is new.
    pub(super) repository: Option<(RecordVersion, RepoState)>,
    /// The stored records among those of the batch.
    pub(super) records: BTreeMap<FactId, Record>,
}

/// What is to become of a repository.
#[derive(Debug)]
pub(super) struct WritePlan {
    /// The version it is decided on.
    pub(super) expected: Option<RecordVersion>,
    /// The repository as it will be while a part of the records is written: nothing that claims completeness.
    pub(super) meanwhile: RepoState,
    /// The repository afterwards.
    pub(super) state: RepoState,
    /// Whether its floor rises.
    pub(super) floor_rises: bool,
    /// Whether the state differs from what is stored.
    pub(super) state_changes: bool,
    /// The records that differ from what is stored, sorted.
    pub(super) changed: Vec<(FactId, Record)>,
    /// How many are older than the floor.
    pub(super) refused: usize,
}

impl WritePlan {
    /// Joins a batch with what is stored.
    pub(super) fn of(batch: &Batch, known: StoredRepository) -> Self {
        let StoredRepository { repository, records } = known;
        let expected = repository.as_ref().map(|(version, _)| *version);
        let stored = repository.map(|(_, state)| state);
        let mut state =
            stored.clone().unwrap_or_else(|| RepoState::new(batch.key.clone(), batch.meta.clone()));
        let mut meanwhile = state.clone();
        meanwhile.merge(&Batch::new(batch.key.clone(), batch.meta.clone()));
        let floor_rises = state.merge(batch);
        let mut changed: BTreeMap<FactId, Record> = BTreeMap::new();
        let mut refused = 0;
        for (id, incoming) in &batch.records {
            // A batch may name a fact twice.
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
        WritePlan { expected, meanwhile, state, floor_rises, state_changes, changed, refused }
    }

    /// Whether there is nothing to write.
    pub(super) fn is_done(&self) -> bool {
        !self.state_changes && self.changed.is_empty()
    }

    /// What the caller is told.
    pub(super) fn written(self, removed: usize) -> WriteSummary {
        WriteSummary { state: self.state, changed: self.changed, removed, refused: self.refused }
    }
}
