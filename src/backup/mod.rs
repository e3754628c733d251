//! Backup of the whole store as one stream, which can be restored into any backend.
//!
//! A backup is gzip-compressed JSON Lines, with one entry per line. The first entry contains the
//! format; each repository is a `repository` entry, followed by its `record` entries; the last
//! entry contains their counts and the SHA-256 of all lines before it. A stream without a valid
//! last entry is not restored. `docs/BACKUP.md` describes the fields.

mod directory;
mod entry;
mod entry_reader;
mod read;
mod read_error;
mod summary;
#[cfg(test)]
mod tests;
mod unfinished;
mod write;

pub use directory::BackupDirectory;
pub use entry::{BackupEntry, FORMAT};
pub use read::{restore, verify};
pub use read_error::BackupReadError;
pub use summary::BackupSummary;
pub use unfinished::{UnfinishedBackup, UnfinishedBackupError};
pub use write::{BackupWriteError, write};

/// A callback that receives the number of records written or restored so far.
pub type Progress<'a> = &'a mut (dyn FnMut(u64) + Send);
