//! The port behind which jobs wait.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tracing::Span;

use super::{DeadLetter, Job, PoisonMessage};
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
    Dead(Box<DeadLetter>),
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

/// What a message holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueMessage {
    /// A job.
    Job(Box<Job>),
    /// News for whoever gets them.
    Resolved(ResolvedNotice),
    /// Nothing of the kind.
    Poison(PoisonMessage),
}

/// An operator who can reach the queue alone has resolved a dead letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedNotice {
    /// The letter's id.
    pub letter: String,
    /// What the operator said.
    pub reason: String,
}

/// How the connection to a broker is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BrokerStatus {
    /// Whether jobs go to the broker.
    pub connected: bool,
    /// What is wrong; empty while all is well.
    pub detail: String,
}

/// How the way to the queue is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct QueueStatus {
    /// The broker; `None` where there is none.
    pub broker: Option<BrokerStatus>,
    /// Jobs that wait in this replica until the broker is back.
    pub outbox: usize,
}

/// A message handed to a worker. Dropped unsettled (a worker died), it is delivered again.
#[async_trait]
pub trait Delivery: Send {
    /// What it holds.
    fn message(&self) -> &QueueMessage;

    /// The span in which it is worked on: a part of whatever made it come here, where that is known. It has the fields
    /// `result`, `otel.status_code` and `otel.status_description`, or is none.
    fn span(&self) -> Span {
        Span::none()
    }

    /// Ends the delivery.
    async fn settle(self: Box<Self>, settlement: Settlement) -> Result<(), QueueError>;
}

/// Holds jobs until a worker has settled them. Any of them may be delivered more than once.
#[async_trait]
pub trait JobQueue: Send + Sync + 'static {
    /// Takes a job; it is kept when this returns. It is delivered when `delay` has passed, or somewhat later.
    async fn publish(&self, job: Job, delay: Duration) -> Result<(), QueueError>;

    /// Waits for the next message. Dropping the future loses nothing.
    async fn receive(&self) -> Result<Box<dyn Delivery>, QueueError>;

    /// Drops the queue's own copy of a dead letter, where it keeps any.
    async fn forget(&self, letter: &str) -> Result<(), QueueError>;

    /// How the way to it is, without waiting.
    fn status(&self) -> QueueStatus;
}
