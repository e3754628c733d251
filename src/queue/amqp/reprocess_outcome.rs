//! The outcome of reprocessing a dead letter.

/// What became of a request to reprocess a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AmqpReprocessOutcome {
    /// Its job was enqueued again, under this id.
    Enqueued { job_id: String },
    /// The dead letter is not a job, so there is nothing to enqueue. It is kept.
    NotAJob,
    /// There is no dead letter with this id.
    NotFound,
}
