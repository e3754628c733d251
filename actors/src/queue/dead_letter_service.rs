//! What an operator does with dead letters.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{
    DeadLetter, DeadLetterAdmin, DeadLetterPage, DeadLetterRemoval, Job, JobQueue, JobStores, QueueError,
};
use crate::activity::Timestamp;
use crate::clock::Clock;
use crate::store::StoreError;

/// Why the desk did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum DeadLetterError {
    /// There is no such letter.
    #[error("there is no dead letter {0:?}; it may have been reprocessed or resolved before")]
    Unknown(String),
    /// It holds no job.
    #[error("the dead letter {0:?} is no job and cannot be reprocessed; resolve it")]
    NoJob(String),
    /// No reason was given for resolving it.
    #[error("a dead letter is resolved for a reason: say why")]
    NoReason,
    /// The broker that keeps them failed; the text says how.
    #[error("{0}")]
    Broker(String),
    /// The book is out of reach.
    #[error("the dead letters are out of reach: {0}")]
    Store(#[from] StoreError),
    /// The queue did not take the job.
    #[error("the job was not taken, and the dead letter is still there: {0}")]
    Queue(#[from] QueueError),
}

/// What became of a request to reprocess.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReprocessOutcome {
    /// The letter.
    pub id: String,
    /// The job it became; `None` where that had been asked for before.
    pub job_id: Option<String>,
}

/// Works on the book of dead letters, and keeps the queue's own copies in step. Every action is written to the audit log.
#[derive(Clone)]
pub struct DeadLetterService {
    books: JobStores,
    queue: Arc<dyn JobQueue>,
    clock: Arc<Clock>,
}

impl fmt::Debug for DeadLetterService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LetterDesk").finish_non_exhaustive()
    }
}

impl DeadLetterService {
    /// A desk over these books and this queue.
    pub fn new(books: JobStores, queue: Arc<dyn JobQueue>, clock: Arc<Clock>) -> Self {
        DeadLetterService { books, queue, clock }
    }

    /// All letters, the oldest first.
    pub async fn list(&self) -> Result<Vec<DeadLetter>, DeadLetterError> {
        Ok(self.books.letters.all().await?)
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
        Ok(self.books.letters.get(id).await?)
    }

    async fn was_reprocessed(&self, id: &str) -> Result<bool, DeadLetterError> {
        Ok(self.books.ledger.was_asked(id).await?)
    }

    async fn publish(&self, id: &str, job: Job) -> Result<bool, DeadLetterError> {
        if !self.books.ledger.ask(id).await? {
            return Ok(false);
        }
        // The operator wants it now, whether or not an equal job exists.
        self.books.jobs.claim(&job, self.clock.now()).await?;
        if let Err(error) = self.queue.publish(job.clone(), Duration::ZERO).await {
            self.books.ledger.unask(id).await?;
            self.books.jobs.end(&job).await?;
            return Err(error.into());
        }
        Ok(true)
    }

    async fn remove(&self, id: &str, _: DeadLetterRemoval<'_>) -> Result<(), DeadLetterError> {
        self.books.letters.remove(id).await?;
        if let Err(error) = self.queue.forget(id).await {
            tracing::warn!(%error, letter = id, "the queue's own copy of a dead letter is left; resolve it there");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::testing::{job, settings};
    use crate::queue::{DeadLetterReason, MemoryQueue, PoisonMessage};

    fn desk() -> (DeadLetterService, MemoryQueue) {
        let queue = MemoryQueue::new();
        let clock = Clock::starting_at(Timestamp::from_unix(2_000));
        let books = JobStores::in_memory(&settings());
        (DeadLetterService::new(books, Arc::new(queue.clone()), clock), queue)
    }

    async fn with_letter(desk: &DeadLetterService) {
        let letter =
            DeadLetter::of_job(&job("a"), DeadLetterReason::Expired, "too old", Timestamp::from_unix(9));
        desk.books.letters.add(&letter).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_letter_is_reprocessed_once_however_often_that_is_asked_for() {
        let (desk, queue) = desk();
        with_letter(&desk).await;
        let first = desk.reprocess("a").await.unwrap();
        assert_eq!(first.job_id.as_deref(), Some("a~2"));
        assert_eq!(desk.reprocess("a").await.unwrap().job_id, None);
        with_letter(&desk).await;
        assert_eq!(desk.reprocess("a").await.unwrap().job_id, None, "not even when the letter comes again");
        let (job, _) = queue.take().unwrap();
        assert_eq!((job.job_id.as_str(), job.reprocesses.as_deref(), job.attempt), ("a~2", Some("a"), 1));
        assert!(queue.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_there_or_no_job_is_said_so() {
        let (desk, _) = desk();
        assert!(matches!(desk.reprocess("a").await, Err(DeadLetterError::Unknown(_))));
        assert!(matches!(desk.resolve("a", "?").await, Err(DeadLetterError::Unknown(_))));
        let poison =
            PoisonMessage { id: "p".into(), problem: "no JSON".into(), size: 3, excerpt: "{{{".into() };
        let letter = DeadLetter::of_poison(&poison, Timestamp::from_unix(9));
        desk.books.letters.add(&letter).await.unwrap();
        assert!(matches!(desk.reprocess("p").await, Err(DeadLetterError::NoJob(_))));
        assert_eq!(desk.resolve("p", "a test").await.unwrap(), letter);
        assert_eq!(desk.list().await.unwrap(), []);
    }
}
