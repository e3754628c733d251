//! The tables and the operations of a write transaction on them.

use github_stats_actors::activity::{Batch, FactId, Record, RepoKey, RepoState, Timestamp};
use github_stats_actors::role::{Epoch, Shard};
use github_stats_actors::store::{GarbageCollected, JoinOutcome, StoreError, WriteSummary, fold, join};
use redb::{Database, ReadTransaction, ReadableTable, Table, TableDefinition, TableError, WriteTransaction};

use super::failure::DatabaseFailure;
use super::key;
use crate::store::{codec, fact_bytes, state_json};

/// The format this version writes, and the latest it reads.
pub(super) const FORMAT: u64 = 1;

/// Numbers that concern the whole store, by name: the format and the epochs.
pub(super) const META: TableDefinition<'static, &'static str, u64> = TableDefinition::new("meta");
/// The state of each repository, as JSON, by [`key::of_repository`].
pub(super) const REPOSITORIES: TableDefinition<'static, &'static [u8], &'static [u8]> =
    TableDefinition::new("repositories");
/// The records, as [`codec`] writes them, by [`key::of_record`].
pub(super) const RECORDS: TableDefinition<'static, &'static [u8], &'static [u8]> =
    TableDefinition::new("records");

/// Entries of shared state, as [`shared`](super::shared) encodes them. Files of older versions get
/// this table with the first write.
pub(super) const ENTRIES: TableDefinition<'static, &'static [u8], &'static [u8]> =
    TableDefinition::new("entries");
/// Shared counts by name.
pub(super) const COUNTS: TableDefinition<'static, &'static str, f64> = TableDefinition::new("counts");
/// The sequence number of the last applied batch of counts, by writer.
pub(super) const APPLIED: TableDefinition<'static, &'static str, u64> = TableDefinition::new("applied");

const FORMAT_KEY: &str = "format";
/// The last issued epoch.
const EPOCH_KEY: &str = "epoch";
/// The current epochs, by shard.
const EPOCHS: std::ops::Range<&str> = "epoch:".."epoch;";

/// Initialises a new database with the current format.
pub(super) fn initialise(database: &Database) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(META)?.insert(FORMAT_KEY, FORMAT)?;
    transaction.open_table(REPOSITORIES)?;
    transaction.open_table(RECORDS)?;
    Ok(transaction.commit()?)
}

/// The format of a database; `None` if it is not a database of this product.
pub(super) fn format(transaction: &ReadTransaction) -> Result<Option<u64>, redb::Error> {
    match transaction.open_table(META) {
        Ok(meta) => Ok(ReadableTable::get(&meta, FORMAT_KEY)?.map(|format| format.value())),
        Err(TableError::Storage(error)) => Err(error.into()),
        Err(_) => Ok(None),
    }
}

/// Fails if `asked` is not the current epoch of any shard.
pub(super) fn confirm_epoch(
    meta: &impl ReadableTable<&'static str, u64>,
    asked: Epoch,
) -> Result<(), DatabaseFailure> {
    let mut current = Epoch::default();
    for entry in meta.range(EPOCHS)? {
        let epoch = Epoch(entry?.1.value());
        if epoch == asked {
            return Ok(());
        }
        current = current.max(epoch);
    }
    Err(StoreError::StaleEpoch { asked, current }.into())
}

fn epoch(meta: &impl ReadableTable<&'static str, u64>) -> Result<Epoch, DatabaseFailure> {
    Ok(Epoch(meta.get(EPOCH_KEY)?.map_or(0, |epoch| epoch.value())))
}

/// The tables of one write transaction.
pub(super) struct WriteTables<'t> {
    meta: Table<'t, &'static str, u64>,
    repositories: Table<'t, &'static [u8], &'static [u8]>,
    records: Table<'t, &'static [u8], &'static [u8]>,
    pub(super) entries: Table<'t, &'static [u8], &'static [u8]>,
    pub(super) counts: Table<'t, &'static str, f64>,
    pub(super) applied: Table<'t, &'static str, u64>,
}

impl<'t> WriteTables<'t> {
    /// Opens all tables.
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, DatabaseFailure> {
        Ok(WriteTables {
            meta: transaction.open_table(META)?,
            repositories: transaction.open_table(REPOSITORIES)?,
            records: transaction.open_table(RECORDS)?,
            entries: transaction.open_table(ENTRIES)?,
            counts: transaction.open_table(COUNTS)?,
            applied: transaction.open_table(APPLIED)?,
        })
    }

    /// Joins a batch with what is stored.
    pub(super) fn write(&mut self, batch: &Batch) -> Result<WriteSummary, DatabaseFailure> {
        let prefix = key::of_repository(&batch.key);
        let mut state = match self.state(&prefix, &batch.key)? {
            Some(state) => state,
            None => RepoState::new(batch.key.clone(), batch.meta.clone()),
        };
        let removed = match state.merge(batch) {
            true => self.remove_before(state.floor, &prefix, &state)?,
            false => 0,
        };
        let mut changed = Vec::new();
        let mut refused = 0;
        for (id, incoming) in &batch.records {
            let record_key = key::of_record(&prefix, *id);
            let stored = match self.records.get(record_key.as_slice())? {
                Some(bytes) => {
                    let record = codec::decode(bytes.value());
                    Some(record.map_err(|error| record_damaged(&batch.key, *id, error))?)
                }
                None => None,
            };
            match join(stored, incoming.clone(), state.floor) {
                JoinOutcome::Refused => refused += 1,
                JoinOutcome::Unchanged => {}
                JoinOutcome::Changed(record) => {
                    self.records.insert(record_key.as_slice(), codec::encode(&record).as_slice())?;
                    changed.push((*id, record));
                }
            }
        }
        self.put_state(&prefix, &state)?;
        Ok(WriteSummary { state, changed, removed, refused })
    }

    /// Folds the records dated before `floor` into the base of their repository, removes them, and
    /// raises the floor.
    pub(super) fn collect_garbage(
        &mut self,
        repository: &RepoKey,
        floor: Timestamp,
        epoch: Epoch,
    ) -> Result<Option<GarbageCollected>, DatabaseFailure> {
        confirm_epoch(&self.meta, epoch)?;
        let prefix = key::of_repository(repository);
        let Some(mut state) = self.state(&prefix, repository)? else { return Ok(None) };
        if floor <= state.floor {
            return Ok(None);
        }
        let folded = self.records_before(floor, &prefix, &state)?;
        for (id, record) in &folded {
            fold(&mut state, *id, record);
        }
        let removed = self.remove(&prefix, &folded)?;
        state.floor = floor;
        state.coverage.prune(floor);
        self.put_state(&prefix, &state)?;
        Ok(Some(GarbageCollected { state, removed }))
    }

    /// Issues the next epoch and makes it the current one of the shard.
    pub(super) fn begin_epoch(&mut self, shard: Shard, after: Epoch) -> Result<Epoch, DatabaseFailure> {
        let next = Epoch(epoch(&self.meta)?.max(after).0 + 1);
        self.meta.insert(EPOCH_KEY, next.0)?;
        self.meta.insert(format!("epoch:{}", shard.number()).as_str(), next.0)?;
        Ok(next)
    }

    /// Overwrites a record with bytes that cannot be decoded.
    #[cfg(test)]
    pub(super) fn damage(&mut self, org: &str, id: &str, fact: FactId) -> Result<(), DatabaseFailure> {
        let prefix = key::of_repository(&RepoKey { org: org.into(), id: id.into() });
        self.records.insert(key::of_record(&prefix, fact).as_slice(), [9].as_slice())?;
        Ok(())
    }

    fn remove_before(
        &mut self,
        floor: Timestamp,
        prefix: &[u8],
        state: &RepoState,
    ) -> Result<usize, DatabaseFailure> {
        let old = self.records_before(floor, prefix, state)?;
        self.remove(prefix, &old)
    }

    fn remove(&mut self, prefix: &[u8], records: &[(FactId, Record)]) -> Result<usize, DatabaseFailure> {
        for (id, _) in records {
            self.records.remove(key::of_record(prefix, *id).as_slice())?;
        }
        Ok(records.len())
    }

    /// Decodes the records dated before `floor`; of the others, only the time is decoded.
    fn records_before(
        &self,
        floor: Timestamp,
        prefix: &[u8],
        state: &RepoState,
    ) -> Result<Vec<(FactId, Record)>, DatabaseFailure> {
        let mut old = Vec::new();
        for entry in self.records.range::<&[u8]>(prefix..key::after(prefix).as_slice())? {
            let (record_key, bytes) = entry?;
            let id = record_id(&state.key, &record_key.value()[prefix.len()..])?;
            let damaged = |error| record_damaged(&state.key, id, error);
            if codec::decode_at(bytes.value()).map_err(damaged)? < floor {
                old.push((id, codec::decode(bytes.value()).map_err(damaged)?));
            }
        }
        Ok(old)
    }

    fn state(&self, prefix: &[u8], repository: &RepoKey) -> Result<Option<RepoState>, DatabaseFailure> {
        let Some(bytes) = self.repositories.get(prefix)? else { return Ok(None) };
        decode_state(repository, bytes.value()).map(Some)
    }

    fn put_state(&mut self, prefix: &[u8], state: &RepoState) -> Result<(), DatabaseFailure> {
        let bytes = state_json::encode(state)?;
        self.repositories.insert(prefix, bytes.as_slice())?;
        Ok(())
    }
}

/// Decodes the state stored for `repository`.
pub(super) fn decode_state(repository: &RepoKey, bytes: &[u8]) -> Result<RepoState, DatabaseFailure> {
    Ok(state_json::decode(repository, bytes)?)
}

/// Decodes the identity at the end of a record's key.
pub(super) fn record_id(repository: &RepoKey, rest: &[u8]) -> Result<FactId, DatabaseFailure> {
    Ok(fact_bytes::read(rest).ok_or_else(|| state_json::identity_damaged(repository))?)
}

/// The error of a record that cannot be decoded.
pub(super) fn record_damaged(repository: &RepoKey, id: FactId, error: codec::DecodeError) -> DatabaseFailure {
    state_json::record_damaged(repository, id, error).into()
}
