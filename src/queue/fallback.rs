//! A queue that uses the broker while it is available, and this replica's memory and disk while it
//! is not.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use github_stats_actors::clock::system_unix_ms;
use github_stats_actors::queue::{
    DeadLetter, Delivery, Job, JobQueue, MemoryQueue, QueueError, QueueMessage, QueueStatus, Settlement,
};
use tokio::time::sleep;

use super::amqp::AmqpQueue;
use super::outbox::Outbox;
use super::outbox_message::{OutboxMessage, dead_letter_key, job_key};

/// Maximum number of jobs in memory; further ones wait on disk only.
const MEMORY_CAPACITY: usize = 5_000;
/// Number of messages read from the outbox at a time.
const PAGE: usize = 200;
/// Interval between checks whether pending messages can be sent.
const RELAY_INTERVAL: Duration = Duration::from_millis(500);

/// Publishes to the broker while it accepts messages. While it does not, jobs wait in memory, where
/// the workers of this replica receive them, and in an outbox on disk, from which they are sent
/// once the broker is back, even after a restart.
#[derive(Clone)]
pub struct FallbackQueue(Arc<Inner>);

struct Inner {
    amqp: Arc<AmqpQueue>,
    memory: MemoryQueue,
    outbox: Option<Outbox>,
    /// Ids of the jobs in memory, including those being worked on or sent. A job is added before it
    /// is stored in the outbox and removed after it is deleted from it, so no worker has a job that
    /// is in the outbox and not in here.
    reserved: Mutex<HashSet<String>>,
    memory_capacity: usize,
}

impl FallbackQueue {
    /// A queue that prefers the broker. Without an outbox, pending messages are lost when the
    /// process ends.
    pub fn new(amqp: Arc<AmqpQueue>, outbox: Option<Outbox>) -> Self {
        Self::with_memory(amqp, outbox, MEMORY_CAPACITY)
    }

    /// A queue with at most `memory_capacity` jobs in memory.
    pub fn with_memory(amqp: Arc<AmqpQueue>, outbox: Option<Outbox>, memory_capacity: usize) -> Self {
        let (memory, reserved) = (MemoryQueue::new(), Mutex::default());
        FallbackQueue(Arc::new(Inner { amqp, memory, outbox, reserved, memory_capacity }))
    }

    /// Sends pending messages while the broker is available, and loads jobs from the outbox into
    /// memory while it is not. Never returns.
    pub async fn run_relay(&self) {
        loop {
            if self.0.connected() {
                self.0.send_pending().await;
            } else {
                self.0.refill_memory().await;
            }
            sleep(RELAY_INTERVAL).await;
        }
    }
}

impl Inner {
    fn connected(&self) -> bool {
        self.amqp.broker_status().connected
    }

    fn reserved(&self) -> MutexGuard<'_, HashSet<String>> {
        // A panic elsewhere cannot leave the set in an inconsistent state, so poisoning is ignored.
        self.reserved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn publish(&self, job: Job, delay: Duration) -> Result<(), QueueError> {
        if self.connected() {
            match self.amqp.publish(job.clone(), delay).await {
                Ok(()) => return Ok(()),
                Err(error) => {
                    tracing::debug!(%error, job_id = job.job_id, "a job could not be published and waits in this replica");
                }
            }
        }
        self.publish_locally(job, delay).await
    }

    /// Stores a job in the outbox, and in memory unless that is full.
    async fn publish_locally(&self, job: Job, delay: Duration) -> Result<(), QueueError> {
        let in_memory = self.memory.len() < self.memory_capacity;
        // There is no new reservation if the job is reserved already, because it comes back after a
        // first attempt.
        let reservation = if in_memory { self.reserve(&job.job_id) } else { None };
        let on_disk = self.put_in_outbox(&OutboxMessage::job(&job, delay)).await;
        if in_memory {
            self.memory.publish(job, delay).await?;
            reservation.into_iter().for_each(JobReservation::persist);
        }
        if in_memory || on_disk { Ok(()) } else { Err(QueueError::Full) }
    }

    /// Returns whether the message was stored.
    async fn put_in_outbox(&self, message: &OutboxMessage) -> bool {
        let Some(outbox) = &self.outbox else { return false };
        let stored = outbox.put(message).await;
        if let Err(error) = &stored {
            tracing::warn!(%error, "a message is kept in memory only");
        }
        stored.is_ok()
    }

    async fn remove_from_outbox(&self, key: &str) {
        let Some(outbox) = &self.outbox else { return };
        if let Err(error) = outbox.remove(key).await {
            tracing::warn!(%error, "a message could not be removed from the outbox and may be sent twice");
        }
    }

    /// Removes a job that is settled or was sent to the broker.
    async fn remove_job(&self, job_id: &str) {
        self.remove_from_outbox(&job_key(job_id)).await;
        self.reserved().remove(job_id);
    }

    /// Reserves a job; `None` if it is reserved already.
    fn reserve(&self, job_id: &str) -> Option<JobReservation<'_>> {
        let is_free = self.reserved().insert(job_id.to_owned());
        is_free.then(|| JobReservation { queue: self, job_id: job_id.to_owned(), persistent: false })
    }

    /// Reserves a job that was read from the outbox, if it is still in there.
    async fn reserve_stored(&self, job_id: &str) -> Option<JobReservation<'_>> {
        let (outbox, reservation) = (self.outbox.as_ref()?, self.reserve(job_id)?);
        outbox.contains(&job_key(job_id)).await.unwrap_or(false).then_some(reservation)
    }

    /// Sends the jobs in memory to the broker, then the messages that are in the outbox only.
    async fn send_pending(&self) {
        while let Some((job, delay)) = self.memory.take() {
            let job_id = job.job_id.clone();
            if let Err(error) = self.amqp.publish(job.clone(), delay).await {
                tracing::debug!(%error, "the broker is unavailable again");
                // Cannot fail, because the job has just been taken from there.
                let _ = self.memory.publish(job, delay).await;
                return;
            }
            self.remove_job(&job_id).await;
        }
        loop {
            let page = self.unreserved_page().await;
            if page.is_empty() {
                return;
            }
            for message in page {
                if self.send_stored(message).await.is_err() {
                    return;
                }
            }
        }
    }

    /// Sends a message that was read from the outbox, unless it is no longer in there or a worker
    /// has it.
    async fn send_stored(&self, message: OutboxMessage) -> Result<(), QueueError> {
        match &message {
            OutboxMessage::Job { job, due_ms, .. } => {
                let Some(_reservation) = self.reserve_stored(&job.job_id).await else { return Ok(()) };
                self.amqp.publish((**job).clone(), remaining(*due_ms)).await?;
                self.remove_from_outbox(&message.key()).await;
                return Ok(());
            }
            OutboxMessage::DeadLetter(dead_letter) => self.amqp.publish_dead_letter(dead_letter).await?,
            OutboxMessage::Discarded { dead_letter_id } => self.amqp.forget(dead_letter_id).await?,
        }
        self.remove_from_outbox(&message.key()).await;
        Ok(())
    }

    /// Loads jobs from the outbox into memory, where workers receive them.
    async fn refill_memory(&self) {
        if self.outbox.is_none() || self.memory.len() > self.memory_capacity / 2 {
            return;
        }
        let free = self.memory_capacity.saturating_sub(self.memory.len());
        for message in self.unreserved_page().await.into_iter().take(free) {
            if let OutboxMessage::Job { job, due_ms, .. } = message
                && let Some(reservation) = self.reserve_stored(&job.job_id).await
                // If the memory is full, the job stays in the outbox.
                && self.memory.publish(*job, remaining(due_ms)).await.is_ok()
            {
                reservation.persist();
            }
        }
    }

    /// Messages that are in the outbox only.
    async fn unreserved_page(&self) -> Vec<OutboxMessage> {
        let Some(outbox) = &self.outbox else { return Vec::new() };
        let reserved: HashSet<String> = self.reserved().iter().map(|id| job_key(id)).collect();
        outbox.page(PAGE, move |key| !reserved.contains(key)).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the outbox cannot be read");
            Vec::new()
        })
    }

    async fn publish_dead_letter(&self, dead_letter: DeadLetter) {
        if !self.connected() || self.amqp.publish_dead_letter(&dead_letter).await.is_err() {
            // Without an outbox, only the shared records of dead letters have it.
            self.put_in_outbox(&OutboxMessage::DeadLetter(Box::new(dead_letter))).await;
        }
    }

    fn backlog(&self) -> usize {
        self.outbox.as_ref().map_or(0, Outbox::len).max(self.memory.len())
    }
}

/// Reserves a job until it is dropped, unless it is made persistent.
struct JobReservation<'a> {
    queue: &'a Inner,
    job_id: String,
    persistent: bool,
}

impl JobReservation<'_> {
    /// Keeps the reservation until the job is settled or sent.
    fn persist(mut self) {
        self.persistent = true;
    }
}

impl Drop for JobReservation<'_> {
    fn drop(&mut self) {
        if !self.persistent {
            self.queue.reserved().remove(&self.job_id);
        }
    }
}

fn remaining(due_ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(due_ms - system_unix_ms()).unwrap_or(0))
}

#[async_trait]
impl JobQueue for FallbackQueue {
    async fn publish(&self, job: Job, delay: Duration) -> Result<(), QueueError> {
        self.0.publish(job, delay).await
    }

    async fn receive(&self) -> Result<Box<dyn Delivery>, QueueError> {
        let queue = self.0.clone();
        let (inner, is_local) = tokio::select! {
            local = queue.memory.receive() => (local?, true),
            remote = queue.amqp.receive() => (remote?, false),
        };
        Ok(Box::new(FallbackDelivery { inner, is_local, queue }))
    }

    async fn forget(&self, dead_letter_id: &str) -> Result<(), QueueError> {
        self.0.remove_from_outbox(&dead_letter_key(dead_letter_id)).await;
        let result = match self.0.connected() {
            true => self.0.amqp.forget(dead_letter_id).await,
            false => Err(QueueError::Unavailable("the broker is not connected".into())),
        };
        // The broker may have a copy, which is removed once it is back.
        let later = OutboxMessage::Discarded { dead_letter_id: dead_letter_id.to_owned() };
        if result.is_ok() || self.0.put_in_outbox(&later).await { Ok(()) } else { result }
    }

    fn status(&self) -> QueueStatus {
        QueueStatus { broker: Some(self.0.amqp.broker_status()), outbox: self.0.backlog() }
    }
}

/// A delivery from the broker or from memory. A job that comes back is published like a new one, so
/// it may change places.
struct FallbackDelivery {
    inner: Box<dyn Delivery>,
    is_local: bool,
    queue: Arc<Inner>,
}

impl FallbackDelivery {
    /// The id of the job if it was delivered from memory.
    fn local_job_id(&self) -> Option<String> {
        match self.inner.message() {
            QueueMessage::Job(job) if self.is_local => Some(job.job_id.clone()),
            _ => None,
        }
    }
}

#[async_trait]
impl Delivery for FallbackDelivery {
    fn message(&self) -> &QueueMessage {
        self.inner.message()
    }

    async fn settle(self: Box<Self>, settlement: Settlement) -> Result<(), QueueError> {
        let local_job_id = self.local_job_id();
        let FallbackDelivery { inner, queue, .. } = *self;
        let Some(job_id) = local_job_id else {
            return match settlement {
                Settlement::Again { job, delay } => {
                    queue.publish(job, delay).await?;
                    inner.settle(Settlement::Done).await
                }
                other => inner.settle(other).await,
            };
        };
        match settlement {
            Settlement::Done => {}
            Settlement::Dead(dead_letter) => queue.publish_dead_letter(*dead_letter).await,
            Settlement::Again { job, delay } => {
                if !queue.connected() || queue.amqp.publish(job.clone(), delay).await.is_err() {
                    queue.put_in_outbox(&OutboxMessage::job(&job, delay)).await;
                    return inner.settle(Settlement::Again { job, delay }).await;
                }
            }
        }
        inner.settle(Settlement::Done).await?;
        queue.remove_job(&job_id).await;
        Ok(())
    }
}
