//! The whole store as one stream, to be restored into any backend.
//!
//! A backup is gzip over JSON Lines. The first line names the format; then every repository is one `repository` line,
//! followed by its `record` lines; the last line counts them and carries the SHA-256 of all lines before it. Nothing is
//! restored from a stream without a sound last line. `docs/BACKUP.md` describes the lines field by field.

mod line;
mod read;
mod shelf;
#[cfg(test)]
mod tests;
mod unfinished;
mod write;

pub use line::{FORMAT, Line};
pub use read::{ReadError, Summary, restore, verify};
pub use shelf::Shelf;
pub use unfinished::{Unfinished, UnfinishedError};
pub use write::{WriteError, write};

/// Told of progress: how many records have been written or restored so far.
pub type Progress<'a> = &'a mut (dyn FnMut(u64) + Send);
