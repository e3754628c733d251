//! The port to the queue in which jobs wait.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tracing::Span;

use super::{DeadLetter, Job, PoisonMessage};
use crate::activity::Timestamp;

/// Why the queue refused a request.
#[derive(Clone, Debug, thiserror::Error)]
pub enum QueueError {
    /// It cannot be reached now.
    #[error("the queue is unavailable: {0}")]
    Unavailable(String),
    /// It holds as many jobs as it may.
    #[error("the queue is full")]
    Full,
}

/// How the work on a delivered job ended.
#[derive(Clone, Debug)]
pub enum Settlement {
    /// The message is processed and removed.
    Done,
    /// `job` is delivered in its place after `delay`.
    Again { job: Job, delay: Duration },
    /// It is given up; a queue that keeps dead letters keeps this one.
    Dead(Box<DeadLetter>),
}

/// How full the queue is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct QueueStats {
    /// Jobs that are waiting, delayed or being processed.
    pub depth: usize,
    /// When the oldest of them was created.
    pub oldest: Option<Timestamp>,
    /// Dead letters that are not resolved.
    pub dead: usize,
}

/// The content of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueMessage {
    Job(Box<Job>),
    Resolved(ResolvedNotice),
    /// Neither of these.
    Poison(PoisonMessage),
}

/// An operator resolved a dead letter directly in the queue, without access to the shared store.
/// Its serialized form is the body of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedNotice {
    /// The id of the dead letter.
    #[serde(rename = "letter")]
    pub dead_letter: String,
    /// The reason that the operator gave.
    pub reason: String,
}

/// The state of the connection to a broker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BrokerStatus {
    pub connected: bool,
    /// What is wrong; empty while connected.
    pub detail: String,
}

/// The state of the queue as seen from this replica.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct QueueStatus {
    /// `None` where no broker is configured.
    pub broker: Option<BrokerStatus>,
    /// Messages that wait in this replica until the broker is reachable again.
    pub outbox: usize,
}

/// A message that was delivered to a worker. If it is dropped unsettled, because the worker died,
/// it is delivered again.
#[async_trait]
pub trait Delivery: Send {
    /// Its content.
    fn message(&self) -> &QueueMessage;

    /// The span in which to process it: part of the trace in which the job was enqueued, if that is
    /// known. It has the fields `result`, `otel.status_code` and `otel.status_description`, or is
    /// none.
    fn span(&self) -> Span {
        Span::none()
    }

    /// Ends the delivery.
    async fn settle(self: Box<Self>, settlement: Settlement) -> Result<(), QueueError>;
}

/// Holds jobs until a worker has settled them. A job may be delivered more than once.
#[async_trait]
pub trait JobQueue: Send + Sync + 'static {
    /// Publishes a job; it is stored when this returns. It is delivered after `delay`, or somewhat
    /// later.
    async fn publish(&self, job: Job, delay: Duration) -> Result<(), QueueError>;

    /// Waits for the next message. Dropping the future loses nothing.
    async fn receive(&self) -> Result<Box<dyn Delivery>, QueueError>;

    /// Removes the queue's own copy of a dead letter, if it keeps one.
    async fn forget(&self, dead_letter: &str) -> Result<(), QueueError>;

    /// The state as last observed, without waiting.
    fn status(&self) -> QueueStatus;
}
