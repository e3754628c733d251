//! The broker while it is there, and this replica's memory and disk while it is not.

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
use super::outbox::{Outbox, Unsent, job_key, letter_key};

/// Jobs in memory at most; more wait on disk alone.
const IN_MEMORY: usize = 5_000;
/// Messages taken from the disk at a time.
const PAGE: usize = 200;
/// How often it is looked whether something can be sent.
const LOOK: Duration = Duration::from_millis(500);

/// Jobs go to the broker while it takes them. While it does not, they wait here: in memory, where the workers of this
/// replica find them, and in an outbox on disk, from where they go to the broker when it is back, also after a restart.
#[derive(Clone)]
pub struct FallbackQueue(Arc<Inner>);

struct Inner {
    amqp: Arc<AmqpQueue>,
    memory: MemoryQueue,
    outbox: Option<Outbox>,
    /// Ids of the jobs in memory, those that are being worked on or sent included: before they are on disk, and until they
    /// are no longer. So whatever is on disk and not here, nobody works on.
    held: Mutex<HashSet<String>>,
    /// Jobs in memory at most.
    room: usize,
}

impl FallbackQueue {
    /// A queue that prefers this broker. Without an outbox, what waits here ends with the process.
    pub fn new(amqp: Arc<AmqpQueue>, outbox: Option<Outbox>) -> Self {
        Self::with_memory(amqp, outbox, IN_MEMORY)
    }

    /// The same with room for so many jobs in memory.
    pub fn with_memory(amqp: Arc<AmqpQueue>, outbox: Option<Outbox>, room: usize) -> Self {
        let (memory, held) = (MemoryQueue::new(), Mutex::default());
        FallbackQueue(Arc::new(Inner { amqp, memory, outbox, held, room }))
    }

    /// Sends what waits here when the broker is back, and brings into memory what there is room for while it is not;
    /// for ever.
    pub async fn relaying(&self) {
        loop {
            if self.0.connected() {
                self.0.relay().await;
            } else {
                self.0.refill().await;
            }
            sleep(LOOK).await;
        }
    }
}

impl Inner {
    fn connected(&self) -> bool {
        self.amqp.broker_status().connected
    }

    /// Every change is whole before anything can panic.
    fn held(&self) -> MutexGuard<'_, HashSet<String>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn publish(&self, job: Job, delay: Duration) -> Result<(), QueueError> {
        if self.connected() {
            match self.amqp.publish(job.clone(), delay).await {
                Ok(()) => return Ok(()),
                Err(error) => tracing::debug!(%error, job_id = job.job_id, "a job waits here instead"),
            }
        }
        self.keep(job, delay).await
    }

    /// Keeps a job here: on disk, and in memory while there is room.
    async fn keep(&self, job: Job, delay: Duration) -> Result<(), QueueError> {
        let room = self.memory.len() < self.room;
        // None as well where it is held already: it has come to another stage.
        let hold = if room { self.hold(&job.job_id) } else { None };
        let on_disk = self.store(&Unsent::job(&job, delay)).await;
        if room {
            self.memory.publish(job, delay).await?;
            hold.into_iter().for_each(Hold::keep);
        }
        if room || on_disk { Ok(()) } else { Err(QueueError::Full) }
    }

    /// Whether the message is on disk now.
    async fn store(&self, message: &Unsent) -> bool {
        let Some(outbox) = &self.outbox else { return false };
        let stored = outbox.put(message).await;
        if let Err(error) = &stored {
            tracing::warn!(%error, "a message waits in memory only");
        }
        stored.is_ok()
    }

    async fn drop_stored(&self, key: &str) {
        let Some(outbox) = &self.outbox else { return };
        if let Err(error) = outbox.remove(key).await {
            tracing::warn!(%error, "a message may be sent twice");
        }
    }

    /// The job is no longer here.
    async fn left(&self, job_id: &str) {
        self.drop_stored(&job_key(job_id)).await;
        self.held().remove(job_id);
    }

    /// Takes hold of a job that nobody has.
    fn hold(&self, job_id: &str) -> Option<Hold<'_>> {
        let is_free = self.held().insert(job_id.to_owned());
        is_free.then(|| Hold { queue: self, job_id: job_id.to_owned(), kept: false })
    }

    /// Takes hold of a job that was seen on disk, if it still is there.
    async fn claim(&self, job_id: &str) -> Option<Hold<'_>> {
        let (outbox, hold) = (self.outbox.as_ref()?, self.hold(job_id)?);
        outbox.contains(&job_key(job_id)).await.unwrap_or(false).then_some(hold)
    }

    /// Sends what waits in memory, then what is on disk only.
    async fn relay(&self) {
        while let Some((job, delay)) = self.memory.take() {
            let job_id = job.job_id.clone();
            if let Err(error) = self.amqp.publish(job.clone(), delay).await {
                tracing::debug!(%error, "the broker is gone again");
                // It was there a moment ago: there is room for it.
                let _ = self.memory.publish(job, delay).await;
                return;
            }
            self.left(&job_id).await;
        }
        loop {
            let page = self.on_disk_only().await;
            if page.is_empty() {
                return;
            }
            for message in page {
                if self.send(message).await.is_err() {
                    return;
                }
            }
        }
    }

    /// Sends what was seen on disk, unless it is no longer there or somebody works on it.
    async fn send(&self, message: Unsent) -> Result<(), QueueError> {
        match &message {
            Unsent::Job { job, due_ms, .. } => {
                let Some(_hold) = self.claim(&job.job_id).await else { return Ok(()) };
                self.amqp.publish((**job).clone(), remaining(*due_ms)).await?;
                self.drop_stored(&message.key()).await;
                return Ok(());
            }
            Unsent::Letter(letter) => self.amqp.bury(letter).await?,
            Unsent::Forgotten { letter } => self.amqp.forget(letter).await?,
        }
        self.drop_stored(&message.key()).await;
        Ok(())
    }

    /// Brings jobs from disk into memory, where workers find them.
    async fn refill(&self) {
        if self.outbox.is_none() || self.memory.len() > self.room / 2 {
            return;
        }
        let room = self.room.saturating_sub(self.memory.len());
        for message in self.on_disk_only().await.into_iter().take(room) {
            if let Unsent::Job { job, due_ms, .. } = message
                && let Some(hold) = self.claim(&job.job_id).await
                // Not taken when full; it stays on disk then.
                && self.memory.publish(*job, remaining(due_ms)).await.is_ok()
            {
                hold.keep();
            }
        }
    }

    async fn on_disk_only(&self) -> Vec<Unsent> {
        let Some(outbox) = &self.outbox else { return Vec::new() };
        let held: HashSet<String> = self.held().iter().map(|id| job_key(id)).collect();
        outbox.some(PAGE, move |key| !held.contains(key)).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the outbox cannot be read");
            Vec::new()
        })
    }

    async fn bury(&self, letter: DeadLetter) {
        if !self.connected() || self.amqp.bury(&letter).await.is_err() {
            // Without a disk the book of dead letters is the only place that has it.
            self.store(&Unsent::Letter(Box::new(letter))).await;
        }
    }

    fn backlog(&self) -> usize {
        self.outbox.as_ref().map_or(0, Outbox::len).max(self.memory.len())
    }
}

/// Holds a job until dropped, unless that goes over to somebody else.
struct Hold<'a> {
    queue: &'a Inner,
    job_id: String,
    kept: bool,
}

impl Hold<'_> {
    /// Whoever settles the job lets go of it.
    fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        if !self.kept {
            self.queue.held().remove(&self.job_id);
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

    async fn forget(&self, letter: &str) -> Result<(), QueueError> {
        self.0.drop_stored(&letter_key(letter)).await;
        let forgotten = match self.0.connected() {
            true => self.0.amqp.forget(letter).await,
            false => Err(QueueError::Unavailable("the broker is away".into())),
        };
        // The broker may have a copy, which it will be asked for when it is back.
        let later = Unsent::Forgotten { letter: letter.to_owned() };
        if forgotten.is_ok() || self.0.store(&later).await { Ok(()) } else { forgotten }
    }

    fn status(&self) -> QueueStatus {
        QueueStatus { broker: Some(self.0.amqp.broker_status()), outbox: self.0.backlog() }
    }
}

/// A delivery whose successor goes wherever jobs go now.
struct FallbackDelivery {
    inner: Box<dyn Delivery>,
    is_local: bool,
    queue: Arc<Inner>,
}

impl FallbackDelivery {
    /// Of a local delivery, the id of its job.
    fn local_id(&self) -> Option<String> {
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
        let local_id = self.local_id();
        let FallbackDelivery { inner, queue, .. } = *self;
        let Some(id) = local_id else {
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
            Settlement::Dead(letter) => queue.bury(*letter).await,
            Settlement::Again { job, delay } => {
                if !queue.connected() || queue.amqp.publish(job.clone(), delay).await.is_err() {
                    queue.store(&Unsent::job(&job, delay)).await;
                    return inner.settle(Settlement::Again { job, delay }).await;
                }
            }
        }
        inner.settle(Settlement::Done).await?;
        queue.left(&id).await;
        Ok(())
    }
}
