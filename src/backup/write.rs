//! From a store to a stream.

use std::io::{self, Write};
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use github_stats_actors::activity::{RepoState, Timestamp};
use github_stats_actors::store::{FactStore, StoreError};
use sha2::{Digest, Sha256};

use super::{BackupLine, BackupSummary, FORMAT, Progress};

/// Why a backup was not written. What was written so far has no last line and is refused by every restore.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stream could not be written.
    #[error("the backup cannot be written: {0}")]
    Io(#[from] io::Error),
}

/// Writes everything the store holds. Facts that are written meanwhile may or may not be included.
///
/// # Errors
/// See [`WriteError`].
pub async fn write(
    store: &Arc<dyn FactStore>,
    sink: impl Write,
    now: Timestamp,
    progress: Progress<'_>,
) -> Result<BackupSummary, WriteError> {
    let mut lines = Lines::new(sink);
    lines.put(&BackupLine::GithubStatsBackup { format: FORMAT, created_at: now })?;
    for org in store.organisations().await? {
        for state in store.repositories(&org).await? {
            repository(store, state, &mut lines, progress).await?;
        }
    }
    Ok(lines.end()?)
}

async fn repository(
    store: &Arc<dyn FactStore>,
    state: RepoState,
    lines: &mut Lines<impl Write>,
    progress: Progress<'_>,
) -> Result<(), WriteError> {
    // The state first: what it covers was stored before it was read, so the records that follow hold all of it.
    let key = state.key.clone();
    lines.put(&BackupLine::Repository(Box::new(state)))?;
    lines.summary.repositories += 1;
    for (id, record) in store.records(&key, Timestamp::MIN).await? {
        lines.put(&BackupLine::Record { id, record })?;
        lines.summary.records += 1;
    }
    progress(lines.summary.records);
    Ok(())
}

/// Compresses lines and remembers what the last one says of them.
struct Lines<W: Write> {
    sink: GzEncoder<W>,
    digest: Sha256,
    summary: BackupSummary,
}

impl<W: Write> Lines<W> {
    fn new(sink: W) -> Self {
        let sink = GzEncoder::new(sink, Compression::default());
        Lines { sink, digest: Sha256::new(), summary: BackupSummary::default() }
    }

    fn put(&mut self, line: &BackupLine) -> io::Result<()> {
        let mut text = serde_json::to_vec(line).map_err(io::Error::other)?;
        text.push(b'\n');
        self.digest.update(&text);
        self.sink.write_all(&text)
    }

    fn end(mut self) -> io::Result<BackupSummary> {
        let BackupSummary { repositories, records } = self.summary;
        let sha256 = hexadecimal(&self.digest.clone().finalize());
        self.put(&BackupLine::End { repositories, records, sha256 })?;
        self.sink.finish()?.flush()?;
        Ok(self.summary)
    }
}

/// Bytes as hexadecimal digits.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
