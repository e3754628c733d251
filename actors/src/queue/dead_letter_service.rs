//! The operations on dead letters that operators have.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{
    DeadLetter, DeadLetterAdmin, DeadLetterError, DeadLetterPage, DeadLetterRemoval, Job, JobQueue, JobStores,
};
use crate::activity::Timestamp;
use crate::clock::Clock;

/// Lists, reprocesses and resolves dead letters, and removes the queue's own copies with them.
/// Every change is written to the audit log.
#[derive(Clone)]
pub struct DeadLetterService {
    job_stores: JobStores,
    queue: Arc<dyn JobQueue>,
    clock: Arc<Clock>,
}

impl fmt::Debug for DeadLetterService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetterService").finish_non_exhaustive()
    }
}

impl DeadLetterService {
    /// A service over these stores and this queue.
    pub fn new(job_stores: JobStores, queue: Arc<dyn JobQueue>, clock: Arc<Clock>) -> Self {
        DeadLetterService { job_stores, queue, clock }
    }

    /// All dead letters, the oldest first.
    pub async fn list(&self) -> Result<Vec<DeadLetter>, DeadLetterError> {
        Ok(self.job_stores.dead_letters.all().await?)
    }
}

#[async_trait]
impl DeadLetterAdmin for DeadLetterService {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn page(&self, count: usize) -> Result<DeadLetterPage, DeadLetterError> {
        let mut dead_letters = self.list().await?;
        let total = dead_letters.len();
        dead_letters.truncate(count);
        Ok(DeadLetterPage { total, dead_letters })
    }

    async fn find(&self, id: &str) -> Result<Option<DeadLetter>, DeadLetterError> {
        Ok(self.job_stores.dead_letters.get(id).await?)
    }

    async fn was_reprocessed(&self, id: &str) -> Result<bool, DeadLetterError> {
        Ok(self.job_stores.completed_jobs.is_reprocess_claimed(id).await?)
    }

    async fn publish(&self, id: &str, job: Job) -> Result<bool, DeadLetterError> {
        if !self.job_stores.completed_jobs.claim_reprocess(id).await? {
            return Ok(false);
        }
        // The operator wants it now, whether or not an equal job exists.
        self.job_stores.jobs.claim(&job, self.clock.now()).await?;
        if let Err(error) = self.queue.publish(job.clone(), Duration::ZERO).await {
            self.job_stores.completed_jobs.release_reprocess(id).await?;
            self.job_stores.jobs.end(&job).await?;
            return Err(error.into());
        }
        Ok(true)
    }

    async fn remove(&self, id: &str, _: DeadLetterRemoval<'_>) -> Result<(), DeadLetterError> {
        self.job_stores.dead_letters.remove(id).await?;
        if let Err(error) = self.queue.forget(id).await {
            tracing::warn!(%error, letter = id, "the queue's own copy of a dead letter could not be removed; resolve it there");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::testing::{job, settings};
    use crate::queue::{DeadLetterReason, MemoryQueue, PoisonMessage};

    fn service() -> (DeadLetterService, MemoryQueue) {
        let queue = MemoryQueue::new();
        let clock = Clock::starting_at(Timestamp::from_unix(2_000));
        let job_stores = JobStores::in_memory(&settings());
        (DeadLetterService::new(job_stores, Arc::new(queue.clone()), clock), queue)
    }

    async fn add_dead_letter(service: &DeadLetterService) {
        let dead_letter =
            DeadLetter::of_job(&job("a"), DeadLetterReason::Expired, "too old", Timestamp::from_unix(9));
        service.job_stores.dead_letters.add(&dead_letter).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_dead_letter_is_reprocessed_once_however_often_it_is_requested() {
        let (service, queue) = service();
        add_dead_letter(&service).await;
        let first = service.reprocess("a").await.unwrap();
        assert_eq!(first.job_id.as_deref(), Some("a~2"));
        assert_eq!(service.reprocess("a").await.unwrap().job_id, None);
        add_dead_letter(&service).await;
        assert_eq!(
            service.reprocess("a").await.unwrap().job_id,
            None,
            "not even when the dead letter is added again"
        );
        let (job, _) = queue.take().unwrap();
        assert_eq!((job.job_id.as_str(), job.reprocesses.as_deref(), job.attempt), ("a~2", Some("a"), 1));
        assert!(queue.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn an_unknown_dead_letter_and_one_without_a_job_are_refused() {
        let (service, _) = service();
        assert!(matches!(service.reprocess("a").await, Err(DeadLetterError::Unknown(_))));
        assert!(matches!(service.resolve("a", "?").await, Err(DeadLetterError::Unknown(_))));
        let poison =
            PoisonMessage { id: "p".into(), problem: "not JSON".into(), size: 3, excerpt: "{{{".into() };
        let dead_letter = DeadLetter::of_poison(&poison, Timestamp::from_unix(9));
        service.job_stores.dead_letters.add(&dead_letter).await.unwrap();
        assert!(matches!(service.reprocess("p").await, Err(DeadLetterError::NoJob(_))));
        assert_eq!(service.resolve("p", "a test").await.unwrap(), dead_letter);
        assert_eq!(service.list().await.unwrap(), []);
    }
}
