//! The port through which a worker has the work of a job done.

use std::time::Duration;

use async_trait::async_trait;

use super::Job;

/// How an attempt at a job ended, for metrics and traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobOutcome {
    /// Its window is now covered.
    Repaired,
    /// Its window had been covered before; the source was not asked.
    AlreadyCovered,
    /// Its organisation cannot be asked now; it comes back without losing an attempt.
    Deferred,
    /// It failed and comes back.
    Retried,
    /// It failed for the last time.
    GivenUp,
    /// A job of this id had been completed before.
    Repeated,
}

impl JobOutcome {
    /// The value of the `result` label.
    pub fn as_str(self) -> &'static str {
        match self {
            JobOutcome::Repaired => "success",
            JobOutcome::AlreadyCovered => "covered",
            JobOutcome::Deferred => "deferred",
            JobOutcome::Retried => "retried",
            JobOutcome::GivenUp => "failure",
            JobOutcome::Repeated => "repeated",
        }
    }
}

/// What a handler did with a job that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handled {
    /// The window was collected and is now covered.
    Repaired,
    /// The window was covered before.
    AlreadyCovered,
    /// The job should come back after this long, without losing an attempt.
    Deferred(Duration),
}

/// Why a job failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct JobError {
    pub message: String,
    /// Whether another attempt cannot succeed either.
    pub permanent: bool,
}

/// Does the work of a job.
#[async_trait]
pub trait JobHandler: Send + Sync + 'static {
    /// Collects the window. It may be called again for the same job, even while another call runs.
    async fn handle(&self, job: &Job) -> Result<Handled, JobError>;
}
