//! A queue that lasts as long as the process: the fallback, and what a single replica needs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::{DeadLetter, Delivery, Job, JobQueue, QueueError, QueueStats, Settlement};

/// Jobs held at most; beyond that a gap waits for the next sweep instead of for memory.
const CAPACITY: usize = 100_000;
/// Dead letters kept at most; the oldest are forgotten first.
const DEAD_CAPACITY: usize = 10_000;

/// An in-memory queue with delays and dead letters; clones share it.
#[derive(Clone, Debug, Default)]
pub struct MemoryQueue {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    inner: Mutex<Inner>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    sequence: u64,
    waiting: BTreeMap<(Instant, u64), Job>,
    working: BTreeMap<u64, Job>,
    dead: Vec<DeadLetter>,
}

impl MemoryQueue {
    /// An empty queue.
    pub fn new() -> Self {
        Self::default()
    }

    /// The dead letters, oldest first.
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        self.shared.lock().dead.clone()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, job: Job, due: Instant) {
        let mut inner = self.lock();
        inner.sequence += 1;
        let sequence = inner.sequence;
        inner.waiting.insert((due, sequence), job);
        drop(inner);
        self.changed.notify_waiters();
    }
}

impl Inner {
    /// The next job that is due, or when the next one will be.
    fn take_due(&mut self, now: Instant) -> Result<(u64, Job), Option<Instant>> {
        match self.waiting.first_entry() {
            Some(entry) if entry.key().0 <= now => {
                let ((_, sequence), job) = entry.remove_entry();
                self.working.insert(sequence, job.clone());
                Ok((sequence, job))
            }
            Some(entry) => Err(Some(entry.key().0)),
            None => Err(None),
        }
    }
}

#[async_trait]
impl JobQueue for MemoryQueue {
    async fn publish(&self, job: Job) -> Result<(), QueueError> {
        if self.shared.lock().waiting.len() >= CAPACITY {
            return Err(QueueError::Full);
        }
        self.shared.put(job, Instant::now());
        Ok(())
    }

    async fn receive(&self) -> Result<Box<dyn Delivery>, QueueError> {
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            // Registered before looking, so that a job put in between is not missed.
            changed.as_mut().enable();
            let next = self.shared.lock().take_due(Instant::now());
            match next {
                Ok((sequence, job)) => {
                    let shared = self.shared.clone();
                    return Ok(Box::new(MemoryDelivery { shared, sequence, job: Some(job) }));
                }
                Err(Some(due)) => tokio::select! {
                    () = tokio::time::sleep_until(due) => {}
                    () = changed => {}
                },
                Err(None) => changed.await,
            }
        }
    }

    async fn stats(&self) -> Result<QueueStats, QueueError> {
        let inner = self.shared.lock();
        let jobs = || inner.waiting.values().chain(inner.working.values());
        Ok(QueueStats {
            depth: jobs().count(),
            oldest: jobs().map(|job| job.created_at).min(),
            dead: inner.dead.len(),
        })
    }
}

struct MemoryDelivery {
    shared: Arc<Shared>,
    sequence: u64,
    /// `None` once settled.
    job: Option<Job>,
}

#[async_trait]
impl Delivery for MemoryDelivery {
    fn job(&self) -> &Job {
        self.job.as_ref().expect("a delivery has its job until it is settled, which consumes it")
    }

    async fn settle(mut self: Box<Self>, settlement: Settlement) -> Result<(), QueueError> {
        self.job = None;
        self.shared.lock().working.remove(&self.sequence);
        match settlement {
            Settlement::Done => {}
            Settlement::Again { job, delay } => self.shared.put(job, Instant::now() + delay),
            Settlement::Dead(letter) => {
                let mut inner = self.shared.lock();
                inner.dead.push(letter);
                let excess = inner.dead.len().saturating_sub(DEAD_CAPACITY);
                inner.dead.drain(..excess);
            }
        }
        Ok(())
    }
}

impl Drop for MemoryDelivery {
    fn drop(&mut self) {
        if let Some(job) = self.job.take() {
            self.shared.lock().working.remove(&self.sequence);
            self.shared.put(job, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::activity::Timestamp;
    use crate::queue::Reason;

    fn job(number: i64) -> Job {
        Job {
            job_id: number.to_string(),
            dedup_key: number.to_string(),
            org: "acme".into(),
            repo: Job::ALL.into(),
            repo_id: None,
            window_start: Timestamp::from_unix(0),
            window_end: Timestamp::from_unix(10),
            reason: Reason::Gap,
            attempt: 1,
            max_attempts: 3,
            created_at: Timestamp::from_unix(number),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn jobs_come_in_order_and_delayed_ones_when_due() {
        let queue = MemoryQueue::new();
        queue.publish(job(1)).await.unwrap();
        queue.publish(job(2)).await.unwrap();
        let first = queue.receive().await.unwrap();
        assert_eq!(first.job().job_id, "1");
        first.settle(Settlement::Again { job: job(3), delay: Duration::from_secs(60) }).await.unwrap();
        queue.receive().await.unwrap().settle(Settlement::Done).await.unwrap();
        let before = Instant::now();
        let delayed = queue.receive().await.unwrap();
        assert_eq!((delayed.job().job_id.as_str(), before.elapsed()), ("3", Duration::from_secs(60)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_unsettled_delivery_comes_back() {
        let queue = MemoryQueue::new();
        queue.publish(job(1)).await.unwrap();
        drop(queue.receive().await.unwrap());
        let again = queue.receive().await.unwrap();
        assert_eq!(again.job(), &job(1));
        assert_eq!(queue.stats().await.unwrap().depth, 1, "a job being worked on still counts");
        again.settle(Settlement::Done).await.unwrap();
        assert_eq!(queue.stats().await.unwrap(), QueueStats::default());
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiting_receiver_wakes_for_a_new_job() {
        let queue = MemoryQueue::new();
        let publisher = queue.clone();
        let (delivery, published) = tokio::join!(queue.receive(), publisher.publish(job(1)));
        published.unwrap();
        assert_eq!(delivery.unwrap().job(), &job(1));
    }
}
