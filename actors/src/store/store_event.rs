//! What the store actor reports to its observer.

use super::WriteSource;

/// An event of the store actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreEvent {
    /// A batch was written, or could not be.
    BatchWritten { source: WriteSource, success: bool },
    /// The series budget excludes `count` more series than before.
    SeriesRefused { count: u64 },
}
