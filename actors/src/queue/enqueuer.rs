//! Turns windows that need repair into published jobs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use rand::RngExt;

use super::{
    DeadLetter, DispatchSettings, Dispatcher, EnqueueDecision, ExistingJob, Job, JobQueue, JobStores,
    QueueEvent, QueueStats, WindowRequest, repairable_windows,
};
use crate::clock::Clock;
use crate::observer::Observer;
use crate::store::StoreError;

/// Jobs that are enqueued concurrently.
const CONCURRENCY: usize = 16;

/// Enqueues jobs for windows, unless one like it is pending, a dead letter holds the window back,
/// or the organisation has reached its limit. Cheap to clone; what this replica remembers of its
/// jobs is in the [`Dispatcher`] that the queue actor passes in.
#[derive(Clone)]
pub struct Enqueuer {
    pub queue: Arc<dyn JobQueue>,
    pub job_stores: JobStores,
    pub dispatch: DispatchSettings,
    pub clock: Arc<Clock>,
    pub observer: Arc<dyn Observer<QueueEvent>>,
}

/// What became of the windows of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Enqueued {
    /// Published as jobs.
    pub published: usize,
    /// Skipped, because a job like it is pending.
    pub duplicates: usize,
    /// Skipped because of the limit or because the queue refused the job; the next cycle finds the
    /// window again.
    pub capped: usize,
    /// Skipped, because a dead letter holds the window back.
    pub held_back: usize,
}

enum Fate {
    Published,
    Duplicate,
    Dropped,
}

impl Enqueuer {
    /// Depth and age of the queue as recorded by all replicas.
    pub(super) async fn stats(&self) -> Result<QueueStats, StoreError> {
        let stats = self.job_stores.jobs.stats(self.clock.now()).await?;
        Ok(QueueStats { dead: self.job_stores.dead_letters.all().await?.len(), ..stats })
    }

    /// Enqueues a job for each window that needs one.
    pub(super) async fn enqueue(
        &self,
        dispatcher: &Mutex<Dispatcher>,
        requests: Vec<WindowRequest>,
    ) -> Enqueued {
        let mut enqueued = Enqueued::default();
        let dead_letters = self.dead_letters().await;
        let mut open = Vec::with_capacity(requests.len());
        for request in &requests {
            let windows = repairable_windows(request, &dead_letters);
            enqueued.held_back += usize::from(windows.is_empty());
            open.extend(windows.into_iter().map(|window| WindowRequest { window, ..request.clone() }));
        }
        let mut fates = futures::stream::iter(&open)
            .map(|request| self.enqueue_window(dispatcher, request))
            .buffered(CONCURRENCY);
        while let Some(fate) = fates.next().await {
            match fate {
                Fate::Published => enqueued.published += 1,
                Fate::Duplicate => enqueued.duplicates += 1,
                Fate::Dropped => enqueued.capped += 1,
            }
        }
        enqueued
    }

    /// If they cannot be read, no window is held back: a job that fails once more does less harm
    /// than a gap that is never repaired.
    async fn dead_letters(&self) -> Vec<DeadLetter> {
        self.job_stores.dead_letters.all().await.unwrap_or_else(|error| {
            tracing::debug!(%error, "the dead letters cannot be read; no window is held back");
            Vec::new()
        })
    }

    async fn enqueue_window(&self, dispatcher: &Mutex<Dispatcher>, request: &WindowRequest) -> Fate {
        let (org, reason) = (request.org.clone(), request.reason);
        let (event, fate) = match self.admit(dispatcher, request).await {
            EnqueueDecision::Enqueue(job) if self.publish(dispatcher, &job).await => {
                (QueueEvent::JobEnqueued { org, reason }, Fate::Published)
            }
            EnqueueDecision::Duplicate => (QueueEvent::JobDeduplicated { org, reason }, Fate::Duplicate),
            EnqueueDecision::Capped | EnqueueDecision::Enqueue(_) => {
                (QueueEvent::JobDropped { org, reason }, Fate::Dropped)
            }
        };
        self.observer.on_event(event);
        fate
    }

    async fn admit(&self, dispatcher: &Mutex<Dispatcher>, request: &WindowRequest) -> EnqueueDecision {
        let now = self.clock.now();
        if lock(dispatcher).is_capped(&request.org, now) {
            return EnqueueDecision::Capped;
        }
        let job = lock(dispatcher).propose(request, new_job_id(), now);
        let existing = match self.job_stores.jobs.claim(&job, now).await {
            Ok(true) => ExistingJob::Free,
            Ok(false) => ExistingJob::Held,
            Err(error) => {
                tracing::debug!(%error, "the records of jobs cannot be reached; what this replica remembers decides");
                ExistingJob::Unknown
            }
        };
        let decision = lock(dispatcher).admit(job.clone(), existing, now);
        if decision == EnqueueDecision::Capped {
            self.release(dispatcher, &job).await;
        }
        decision
    }

    async fn publish(&self, dispatcher: &Mutex<Dispatcher>, job: &Job) -> bool {
        let published = self.queue.publish(job.clone(), Duration::ZERO).await;
        if let Err(error) = &published {
            tracing::warn!(%error, org = %job.org, repo = %job.repo, "a backfill job was not accepted by the queue; the next cycle enqueues it again");
            self.release(dispatcher, job).await;
        }
        published.is_ok()
    }

    async fn release(&self, dispatcher: &Mutex<Dispatcher>, job: &Job) {
        lock(dispatcher).release(&job.dedup_key);
        if let Err(error) = self.job_stores.jobs.end(job).await {
            tracing::debug!(%error, "a job's record cannot be removed; it expires by itself");
        }
    }
}

/// No method of the dispatcher leaves it half-changed, so a panic while the lock was held did no
/// harm.
pub(super) fn lock(dispatcher: &Mutex<Dispatcher>) -> MutexGuard<'_, Dispatcher> {
    dispatcher.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Unique without coordination.
fn new_job_id() -> String {
    format!("{:032x}", rand::rng().random::<u128>())
}
