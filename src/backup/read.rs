//! From a stream to a store: first all of it is checked, then it is written.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;

use flate2::read::GzDecoder;
use github_stats_actors::activity::{Batch, FactId, FoldedBase, Record, RepoState};
use github_stats_actors::store::{FactStore, StoreError};
use sha2::{Digest, Sha256};

use super::write::hexadecimal;
use super::{BackupLine, FORMAT, Progress};

/// The longest line that is read; a repository with a hundred thousand users fits.
const LONGEST_LINE: u64 = 64 * 1024 * 1024;
/// Records written in one transaction.
const CHUNK: usize = 5_000;

/// How much a backup holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackupSummary {
    /// Repositories.
    pub repositories: u64,
    /// Records.
    pub records: u64,
}

/// Why a backup was not restored.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The stream cannot be read, or not be decompressed.
    #[error("the backup cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It is no backup, or not all of one.
    #[error("line {line} of the backup is not sound: {reason}; nothing was restored from it")]
    Unsound {
        /// Which line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A later version wrote it.
    #[error(
        "the backup has format {found}, this version reads up to {FORMAT}; restore it with a newer github-stats"
    )]
    Newer {
        /// Its format.
        found: u32,
    },
    /// The store could not be written. Restoring again goes on where this ended: a restore is a union.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads a whole backup and writes nothing.
///
/// # Errors
/// See [`ReadError`].
pub fn verify(source: impl Read) -> Result<BackupSummary, ReadError> {
    let mut lines = Lines::new(source);
    while lines.next()?.is_some() {}
    Ok(lines.summary)
}

/// Writes what a backup holds into a store, as a union with what is there.
///
/// The stream must have been [verified](verify) before: this one is written as it is read.
///
/// # Errors
/// See [`ReadError`].
pub async fn restore(
    store: &Arc<dyn FactStore>,
    source: impl Read,
    progress: Progress<'_>,
) -> Result<BackupSummary, ReadError> {
    let mut lines = Lines::new(source);
    let mut open: Option<Open> = None;
    while let Some(line) = lines.next()? {
        match line {
            BackupLine::Repository(state) => {
                if let Some(done) = open.replace(Open { state: *state, records: Vec::new() }) {
                    done.close(store).await?;
                }
            }
            BackupLine::Record { id, record } => {
                if let Some(open) = &mut open {
                    open.records.push((id, record));
                    open.flush_full(store).await?;
                }
            }
            BackupLine::GithubStatsBackup { .. } | BackupLine::End { .. } => {}
        }
        progress(lines.summary.records);
    }
    if let Some(done) = open {
        done.close(store).await?;
    }
    Ok(lines.summary)
}

/// A repository whose records are being read.
struct Open {
    state: RepoState,
    records: Vec<(FactId, Record)>,
}

impl Open {
    /// Writes records without what they cover, so that a restore that is cut short claims nothing.
    async fn flush_full(&mut self, store: &Arc<dyn FactStore>) -> Result<(), StoreError> {
        if self.records.len() < CHUNK {
            return Ok(());
        }
        let mut batch = Batch::new(self.state.key.clone(), self.state.meta.clone());
        batch.records = std::mem::take(&mut self.records);
        store.write(batch).await.map(drop)
    }

    /// Writes the last records with everything else that is known of the repository.
    async fn close(self, store: &Arc<dyn FactStore>) -> Result<(), StoreError> {
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

/// Decompresses lines and checks each against what must come before it.
struct Lines<R: Read> {
    source: BufReader<GzDecoder<R>>,
    digest: Sha256,
    number: u64,
    summary: BackupSummary,
    ended: bool,
}

impl<R: Read> Lines<R> {
    fn new(source: R) -> Self {
        let source = BufReader::new(GzDecoder::new(source));
        Lines { source, digest: Sha256::new(), number: 0, summary: BackupSummary::default(), ended: false }
    }

    /// The next line; `None` after a sound last one.
    fn next(&mut self) -> Result<Option<BackupLine>, ReadError> {
        let mut text = Vec::new();
        let read = (&mut self.source).take(LONGEST_LINE).read_until(b'\n', &mut text)?;
        self.number += 1;
        match (read, self.ended) {
            (0, true) => return Ok(None),
            (0, false) => return Err(self.unsound("it ends before its last line")),
            (_, true) => return Err(self.unsound("something follows its last line")),
            _ => {}
        }
        let line: BackupLine = serde_json::from_slice(&text).map_err(|error| self.unsound(error))?;
        self.check(&line)?;
        self.digest.update(&text);
        Ok(Some(line))
    }

    fn check(&mut self, line: &BackupLine) -> Result<(), ReadError> {
        match line {
            BackupLine::GithubStatsBackup { format, .. } if *format > FORMAT => {
                return Err(ReadError::Newer { found: *format });
            }
            BackupLine::GithubStatsBackup { .. } if self.number == 1 => return Ok(()),
            _ if self.number == 1 => return Err(self.unsound("it does not begin as a backup does")),
            BackupLine::GithubStatsBackup { .. } => return Err(self.unsound("a second beginning")),
            BackupLine::Repository(_) => self.summary.repositories += 1,
            BackupLine::Record { .. } if self.summary.repositories == 0 => {
                return Err(self.unsound("a record of no repository"));
            }
            BackupLine::Record { .. } => self.summary.records += 1,
            BackupLine::End { repositories, records, sha256 } => {
                let counted = BackupSummary { repositories: *repositories, records: *records };
                let digest = hexadecimal(&self.digest.clone().finalize());
                if counted != self.summary || *sha256 != digest {
                    return Err(self.unsound("its contents are not those it was written with"));
                }
                self.ended = true;
            }
        }
        Ok(())
    }

    fn unsound(&self, reason: impl std::fmt::Display) -> ReadError {
        ReadError::Unsound { line: self.number, reason: reason.to_string() }
    }
}
