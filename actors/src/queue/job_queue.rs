//! The port behind which jobs wait.

use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;

use super::Job;
use crate::activity::Timestamp;

/// Why the queue did not do as asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum QueueError {
    /// It cannot be reached now.
    #[error("the queue is unavailable: {0}")]
    Unavailable(String),
    /// It holds as much as it may.
    #[error("the queue is full")]
    Full,
}

/// A job that was given up, for an operator to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeadLetter {
    /// The job as it was last tried.
    pub job: Job,
    /// Why it was given up.
    pub error: String,
    /// When.
    pub died_at: Timestamp,
}

/// How the work on a delivered job ended.
#[derive(Clone, Debug)]
pub enum Settlement {
    /// It is done, or need not be done.
    Done,
    /// It comes back after `delay`, as `job`.
    Again {
        /// What comes back.
        job: Job,
        /// When.
        delay: Duration,
    },
    /// It is given up.
    Dead(DeadLetter),
}

/// How full the queue is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct QueueStats {
    /// Jobs waiting or delayed or being worked on.
    pub depth: usize,
    /// When the oldest of them was created.
    pub oldest: Option<Timestamp>,
    /// Dead letters nobody has resolved.
    pub dead: usize,
}

/// A job handed to a worker. Dropped unsettled (a worker died), it is delivered again.
#[async_trait]
pub trait Delivery: Send {
    /// The job.
    fn job(&self) -> &Job;

    /// Ends the delivery.
    async fn settle(self: Box<Self>, settlement: Settlement) -> Result<(), QueueError>;
}

/// Holds jobs until a worker has settled them.
#[async_trait]
pub trait JobQueue: Send + Sync + 'static {
    /// Takes a job; it is kept when this returns.
    async fn publish(&self, job: Job) -> Result<(), QueueError>;

    /// Waits for the next job. Dropping the future loses nothing.
    async fn receive(&self) -> Result<Box<dyn Delivery>, QueueError>;

    /// How full it is.
    async fn stats(&self) -> Result<QueueStats, QueueError>;
}
