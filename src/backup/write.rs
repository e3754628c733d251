//! Writing a backup of a store.

use std::io::{self, Write};
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use github_stats_actors::activity::{RepoState, Timestamp};
use github_stats_actors::store::{FactStore, StoreError};
use sha2::{Digest, Sha256};

use super::entry::hexadecimal;
use super::{BackupEntry, BackupSummary, FORMAT, Progress};

/// Why a backup was not written. The part written so far has no last entry and is rejected by every
/// restore.
#[derive(Debug, thiserror::Error)]
pub enum BackupWriteError {
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stream could not be written.
    #[error("the backup cannot be written: {0}")]
    Io(io::Error),
}

/// Writes the whole contents of the store. Facts that are stored while this runs may or may not be
/// included.
///
/// # Errors
/// See [`BackupWriteError`].
pub async fn write(
    store: &Arc<dyn FactStore>,
    sink: impl Write,
    now: Timestamp,
    progress: Progress<'_>,
) -> Result<BackupSummary, BackupWriteError> {
    let mut entries = EntryWriter::new(sink);
    entries.put(&BackupEntry::Header { format: FORMAT, created_at: now }).map_err(BackupWriteError::Io)?;
    for org in store.organisations().await? {
        for state in store.repositories(&org).await? {
            write_repository(store, state, &mut entries, progress).await?;
        }
    }
    entries.end().map_err(BackupWriteError::Io)
}

async fn write_repository(
    store: &Arc<dyn FactStore>,
    state: RepoState,
    entries: &mut EntryWriter<impl Write>,
    progress: Progress<'_>,
) -> Result<(), BackupWriteError> {
    // The state was read before the records, so the records include everything that its coverage
    // claims.
    let key = state.key.clone();
    entries.put(&BackupEntry::Repository(Box::new(state))).map_err(BackupWriteError::Io)?;
    entries.summary.repositories += 1;
    for (id, record) in store.records(&key, Timestamp::MIN).await? {
        entries.put(&BackupEntry::Record { id, record }).map_err(BackupWriteError::Io)?;
        entries.summary.records += 1;
    }
    progress(entries.summary.records);
    Ok(())
}

/// Compresses entries, and counts and hashes them for the last one.
struct EntryWriter<W: Write> {
    sink: GzEncoder<W>,
    digest: Sha256,
    summary: BackupSummary,
}

impl<W: Write> EntryWriter<W> {
    fn new(sink: W) -> Self {
        let sink = GzEncoder::new(sink, Compression::default());
        EntryWriter { sink, digest: Sha256::new(), summary: BackupSummary::default() }
    }

    fn put(&mut self, entry: &BackupEntry) -> io::Result<()> {
        let mut line = serde_json::to_vec(entry).map_err(io::Error::other)?;
        line.push(b'\n');
        self.digest.update(&line);
        self.sink.write_all(&line)
    }

    fn end(mut self) -> io::Result<BackupSummary> {
        let BackupSummary { repositories, records } = self.summary;
        let sha256 = hexadecimal(&self.digest.clone().finalize());
        self.put(&BackupEntry::End { repositories, records, sha256 })?;
        self.sink.finish()?.flush()?;
        Ok(self.summary)
    }
}
