//! Verifying a backup and restoring it into a store.

use std::io::Read;
use std::sync::Arc;

use github_stats_actors::activity::{Batch, FactId, FoldedBase, Record, RepoState};
use github_stats_actors::store::{FactStore, StoreError};

use super::entry_reader::EntryReader;
use super::{BackupEntry, BackupReadError, BackupSummary, Progress};

/// Number of records written in one transaction.
const CHUNK: usize = 5_000;

/// Reads and checks a whole backup without writing anything.
///
/// # Errors
/// See [`BackupReadError`].
pub fn verify(source: impl Read) -> Result<BackupSummary, BackupReadError> {
    let mut entries = EntryReader::new(source);
    while entries.next()?.is_some() {}
    Ok(entries.summary())
}

/// Writes the contents of a backup into a store, as a union with the existing data.
///
/// The stream must have been [verified](verify) before, because entries are written as they are
/// read.
///
/// # Errors
/// See [`BackupReadError`].
pub async fn restore(
    store: &Arc<dyn FactStore>,
    source: impl Read,
    progress: Progress<'_>,
) -> Result<BackupSummary, BackupReadError> {
    let mut entries = EntryReader::new(source);
    let mut current: Option<RepositoryRestore> = None;
    while let Some(entry) = entries.next()? {
        match entry {
            BackupEntry::Repository(state) => {
                let next = RepositoryRestore { state: *state, records: Vec::new() };
                if let Some(complete) = current.replace(next) {
                    complete.finish(store).await?;
                }
            }
            BackupEntry::Record { id, record } => {
                if let Some(repository) = &mut current {
                    repository.records.push((id, record));
                    repository.flush_chunk(store).await?;
                }
            }
            BackupEntry::Header { .. } | BackupEntry::End { .. } => {}
        }
        progress(entries.summary().records);
    }
    if let Some(complete) = current {
        complete.finish(store).await?;
    }
    Ok(entries.summary())
}

/// A repository whose records are being read.
struct RepositoryRestore {
    state: RepoState,
    records: Vec<(FactId, Record)>,
}

impl RepositoryRestore {
    /// Writes a full chunk of records. Their coverage is written last, so that an interrupted
    /// restore does not claim completeness.
    async fn flush_chunk(&mut self, store: &Arc<dyn FactStore>) -> Result<(), StoreError> {
        if self.records.len() < CHUNK {
            return Ok(());
        }
        let mut batch = Batch::new(self.state.key.clone(), self.state.meta.clone());
        batch.records = std::mem::take(&mut self.records);
        store.write(batch).await.map(drop)
    }

    /// Writes the remaining records together with the state of the repository.
    async fn finish(self, store: &Arc<dyn FactStore>) -> Result<(), StoreError> {
        let RepoState { key, meta, head, coverage, floor, base } = self.state;
        let batch = Batch {
            key,
            meta,
            head,
            records: self.records,
            covered: coverage,
            folded: FoldedBase { floor, base },
        };
        store.write(batch).await.map(drop)
    }
}
