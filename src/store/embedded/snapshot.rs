//! Reading from one read transaction.

use std::ops::Bound;

use github_stats_actors::activity::{FactId, OrgName, Record, RepoKey, RepoState, Timestamp};
use github_stats_actors::store::{RecordPage, ScanCursor, StoredRecord};
use redb::{Database, ReadOnlyTable, ReadableDatabase, ReadableTable};

use super::failure::DatabaseFailure;
use super::key;
use super::tables::{self, RECORDS, REPOSITORIES};
use crate::store::codec;

type Bytes = ReadOnlyTable<&'static [u8], &'static [u8]>;

/// A consistent view of the store, unaffected by later writes.
pub(super) struct EmbeddedSnapshot {
    repositories: Bytes,
    records: Bytes,
}

impl EmbeddedSnapshot {
    /// Begins a read transaction.
    pub(super) fn take(database: &Database) -> Result<Self, DatabaseFailure> {
        let transaction = database.begin_read()?;
        Ok(EmbeddedSnapshot {
            repositories: transaction.open_table(REPOSITORIES)?,
            records: transaction.open_table(RECORDS)?,
        })
    }

    /// The states of an organisation's repositories, in order.
    pub(super) fn repositories(&self, org: &OrgName) -> Result<Vec<RepoState>, DatabaseFailure> {
        let prefix = key::of_organisation(org);
        let mut states = Vec::new();
        let end = key::after(&prefix);
        for entry in ReadableTable::range::<&[u8]>(&self.repositories, prefix.as_slice()..end.as_slice())? {
            let (repository, state) = entry?;
            let (repository, _) = split(repository.value())?;
            states.push(tables::decode_state(&repository, state.value())?);
        }
        Ok(states)
    }

    /// The state of one repository.
    pub(super) fn repository(&self, repository: &RepoKey) -> Result<Option<RepoState>, DatabaseFailure> {
        let stored = ReadableTable::get(&self.repositories, key::of_repository(repository).as_slice())?;
        stored.map(|state| tables::decode_state(repository, state.value())).transpose()
    }

    /// The organisations, in order. Takes one seek per organisation, past all of its repositories.
    pub(super) fn organisations(&self) -> Result<Vec<OrgName>, DatabaseFailure> {
        let mut organisations = Vec::new();
        let mut from = Vec::new();
        loop {
            let mut rest = ReadableTable::range::<&[u8]>(&self.repositories, from.as_slice()..)?;
            let Some(entry) = rest.next() else { return Ok(organisations) };
            let (repository, _) = split(entry?.0.value())?;
            from = key::after(&key::of_organisation(&repository.org));
            organisations.push(repository.org);
        }
    }

    /// The records of a repository dated `since` or later, in order.
    pub(super) fn records(
        &self,
        repository: &RepoKey,
        since: Timestamp,
    ) -> Result<Vec<(FactId, Record)>, DatabaseFailure> {
        let prefix = key::of_repository(repository);
        let mut records = Vec::new();
        let end = key::after(&prefix);
        for entry in ReadableTable::range::<&[u8]>(&self.records, prefix.as_slice()..end.as_slice())? {
            let (record_key, bytes) = entry?;
            let id = tables::record_id(repository, &record_key.value()[prefix.len()..])?;
            let damaged = |error| tables::record_damaged(repository, id, error);
            if codec::decode_at(bytes.value()).map_err(damaged)? >= since {
                records.push((id, codec::decode(bytes.value()).map_err(damaged)?));
            }
        }
        Ok(records)
    }

    /// At most `limit` records of all repositories, starting at `from`.
    pub(super) fn scan(&self, from: Option<ScanCursor>, limit: usize) -> Result<RecordPage, DatabaseFailure> {
        let from = from.map(|(repository, id)| key::of_record(&key::of_repository(&repository), id));
        let from = from.as_deref().map_or(Bound::Unbounded, Bound::Included);
        let mut page = RecordPage::default();
        for entry in ReadableTable::range::<&[u8]>(&self.records, (from, Bound::Unbounded))? {
            let (record_key, bytes) = entry?;
            let (repository, rest) = split(record_key.value())?;
            let id = tables::record_id(&repository, rest)?;
            if page.records.len() == limit {
                page.next = Some((repository, id));
                break;
            }
            let record = codec::decode(bytes.value());
            let record = record.map_err(|error| tables::record_damaged(&repository, id, error))?;
            // Consecutive records share the key of their repository, which is cheap to clone.
            let key = match page.records.last() {
                Some(StoredRecord { key, .. }) if *key == repository => key.clone(),
                _ => repository,
            };
            page.records.push(StoredRecord { key, id, record });
        }
        Ok(page)
    }
}

fn split(stored: &[u8]) -> Result<(RepoKey, &[u8]), DatabaseFailure> {
    key::split_repository(stored).ok_or_else(|| {
        DatabaseFailure::damaged(
            format_args!("key {}", stored.escape_ascii()),
            "it does not contain a repository",
        )
    })
}
