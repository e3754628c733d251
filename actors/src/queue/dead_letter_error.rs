//! Errors of operations on dead letters.

use super::QueueError;
use crate::store::StoreError;

/// Why an operation on a dead letter failed.
#[derive(Debug, thiserror::Error)]
pub enum DeadLetterError {
    /// There is no such dead letter.
    #[error("there is no dead letter {0:?}; it may have been reprocessed or resolved before")]
    Unknown(String),
    /// It is a malformed message, not a job.
    #[error("the dead letter {0:?} is not a job and cannot be reprocessed; resolve it")]
    NoJob(String),
    /// No reason was given for resolving it.
    #[error("a dead letter is resolved for a reason: state it")]
    NoReason,
    /// The broker that keeps them failed; the text says how.
    #[error("{0}")]
    Broker(String),
    /// The store of dead letters is unreachable.
    #[error("the dead letters cannot be reached: {0}")]
    Store(#[from] StoreError),
    /// The queue did not accept the job.
    #[error("the queue did not accept the job, and the dead letter is still there: {0}")]
    Queue(#[from] QueueError),
}
