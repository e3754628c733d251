//! Errors of reading and restoring a backup.

use std::io;

use github_stats_actors::store::StoreError;

use super::FORMAT;

/// Why a backup was not restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupReadError {
    /// The stream cannot be read or decompressed.
    #[error("the backup cannot be read: {0}")]
    Io(io::Error),
    /// The stream is not a backup, is truncated, or was altered.
    #[error("line {line} of the backup is invalid: {reason}; nothing was restored")]
    Invalid {
        /// The number of the line, from 1.
        line: u64,
        reason: String,
    },
    /// A newer version wrote the backup.
    #[error(
        "the backup has format {found}, this version reads up to {FORMAT}; restore it with a newer github-stats"
    )]
    Newer {
        /// The format of the backup.
        found: u32,
    },
    /// The store could not be written. The restore can be repeated, because it is a union with the
    /// existing data.
    #[error(transparent)]
    Store(#[from] StoreError),
}
