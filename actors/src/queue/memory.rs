//! A queue in memory, which lasts as long as the process: the fallback for a broker, and all that a
//! single replica needs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::{Delivery, Job, JobQueue, QueueError, QueueMessage, QueueStatus, Settlement};

/// The maximum number of jobs, a bound for memory; refused windows are requested again by the next
/// cycle.
const CAPACITY: usize = 100_000;

/// An in-memory queue with delays; clones share it.
#[derive(Clone, Debug, Default)]
pub struct MemoryQueue {
    shared: Arc<MemoryQueueState>,
}

#[derive(Debug, Default)]
struct MemoryQueueState {
    jobs: Mutex<Jobs>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Jobs {
    sequence: u64,
    waiting: BTreeMap<(Instant, u64), Job>,
    working: BTreeMap<u64, Job>,
}

impl MemoryQueue {
    /// An empty queue.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of jobs that are waiting, delayed or being processed.
    pub fn len(&self) -> usize {
        let jobs = self.shared.lock();
        jobs.waiting.len() + jobs.working.len()
    }

    /// Whether it holds no job.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Removes the job that is due first, even if it is not due yet, and returns how long it still
    /// had to wait, so that another queue can take it.
    pub fn take(&self) -> Option<(Job, Duration)> {
        let ((due, _), job) = self.shared.lock().waiting.pop_first()?;
        Some((job, due.saturating_duration_since(Instant::now())))
    }
}

impl MemoryQueueState {
    fn lock(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, job: Job, due: Instant) {
        let mut jobs = self.lock();
        jobs.sequence += 1;
        let sequence = jobs.sequence;
        jobs.waiting.insert((due, sequence), job);
        drop(jobs);
        self.changed.notify_waiters();
    }
}

impl Jobs {
    /// The next job that is due, or when the next one will be due.
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
    async fn publish(&self, job: Job, delay: Duration) -> Result<(), QueueError> {
        if self.shared.lock().waiting.len() >= CAPACITY {
            return Err(QueueError::Full);
        }
        self.shared.put(job, Instant::now() + delay);
        Ok(())
    }

    async fn receive(&self) -> Result<Box<dyn Delivery>, QueueError> {
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            // Registered before the check, so that a job published in between is not missed.
            changed.as_mut().enable();
            let next = self.shared.lock().take_due(Instant::now());
            match next {
                Ok((sequence, job)) => {
                    let shared = self.shared.clone();
                    let message = Some(QueueMessage::Job(Box::new(job)));
                    return Ok(Box::new(MemoryDelivery { shared, sequence, message }));
                }
                Err(Some(due)) => tokio::select! {
                    () = tokio::time::sleep_until(due) => {}
                    () = changed => {}
                },
                Err(None) => changed.await,
            }
        }
    }

    async fn forget(&self, _dead_letter: &str) -> Result<(), QueueError> {
        Ok(())
    }

    fn status(&self) -> QueueStatus {
        QueueStatus::default()
    }
}

struct MemoryDelivery {
    shared: Arc<MemoryQueueState>,
    sequence: u64,
    /// `None` once settled.
    message: Option<QueueMessage>,
}

#[async_trait]
impl Delivery for MemoryDelivery {
    fn message(&self) -> &QueueMessage {
        self.message.as_ref().expect("a delivery has its message until it is settled, which consumes it")
    }

    async fn settle(mut self: Box<Self>, settlement: Settlement) -> Result<(), QueueError> {
        self.message = None;
        self.shared.lock().working.remove(&self.sequence);
        match settlement {
            // Dead letters are only kept in the `DeadLetterStore`.
            Settlement::Done | Settlement::Dead(_) => {}
            Settlement::Again { job, delay } => self.shared.put(job, Instant::now() + delay),
        }
        Ok(())
    }
}

impl Drop for MemoryDelivery {
    fn drop(&mut self) {
        if let Some(QueueMessage::Job(job)) = self.message.take() {
            self.shared.lock().working.remove(&self.sequence);
            self.shared.put(*job, Instant::now());
        }
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use super::*;
    use crate::queue::contract::QueueUnderTest;
    use crate::queue::testing::job;

    async fn fresh() -> QueueUnderTest {
        QueueUnderTest::new(Arc::new(MemoryQueue::new()))
    }

    crate::job_queue_contract!(contract, super::fresh);

    #[tokio::test(start_paused = true)]
    async fn a_job_can_be_removed_before_it_is_due() {
        let queue = MemoryQueue::new();
        queue.publish(job("later"), Duration::from_secs(60)).await.unwrap();
        queue.publish(job("sooner"), Duration::from_secs(30)).await.unwrap();
        assert_eq!(queue.len(), 2);
        assert_eq!(queue.take(), Some((job("sooner"), Duration::from_secs(30))));
        assert_eq!(queue.take(), Some((job("later"), Duration::from_secs(60))));
        assert!(queue.take().is_none() && queue.is_empty());
    }
}
