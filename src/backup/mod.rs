//! The whole store as one stream, to be restored into any backend.
//!
//! A backup is gzip over JSON Lines. The first line names the format; then every repository is one `repository` line,
//! followed by its `record` lines; the last line counts them and carries the SHA-256 of all lines before it. Nothing is
//! restored from a stream without a sound last line. `docs/BACKUP.md` describes the lines field by field.

mod backup_line;
mod directory;
mod read;
#[cfg(test)]
mod tests;
mod unfinished;
mod write;

pub use backup_line::{BackupLine, FORMAT};
pub use directory::BackupDirectory;
pub use read::{BackupSummary, ReadError, restore, verify};
pub use unfinished::{UnfinishedBackup, UnfinishedBackupError};
pub use write::{WriteError, write};

/// Told of progress: how many records have been written or restored so far.
pub type Progress<'a> = &'a mut (dyn FnMut(u64) + Send);
