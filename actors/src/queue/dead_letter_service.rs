//! What an operator does with dead letters.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{DeadLetter, JobQueue, JobStores, QueueError};
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

    /// One letter.
    pub async fn inspect(&self, id: &str) -> Result<DeadLetter, DeadLetterError> {
        self.books.letters.get(id).await?.ok_or_else(|| DeadLetterError::Unknown(id.into()))
    }

    /// Makes a job of a letter, once however often that is asked for.
    pub async fn reprocess(&self, id: &str) -> Result<ReprocessOutcome, DeadLetterError> {
        let again = || ReprocessOutcome { id: id.into(), job_id: None };
        let Some(letter) = self.books.letters.get(id).await? else {
            return if self.books.ledger.was_asked(id).await? {
                Ok(again())
            } else {
                Err(DeadLetterError::Unknown(id.into()))
            };
        };
        let dead = letter.job.ok_or_else(|| DeadLetterError::NoJob(id.into()))?;
        if !self.books.ledger.ask(id).await? {
            return Ok(again());
        }
        let job = dead.reprocessed(self.clock.now());
        // It is the operator who wants it now: whether a job like it is alive does not matter.
        self.books.jobs.claim(&job, self.clock.now()).await?;
        if let Err(error) = self.queue.publish(job.clone(), Duration::ZERO).await {
            self.books.ledger.unask(id).await?;
            self.books.jobs.end(&job).await?;
            return Err(error.into());
        }
        tracing::info!(target: "audit", action = "dlq.reprocess", letter = id, job_id = job.job_id, "a dead letter is reprocessed");
        self.take_out(id).await?;
        Ok(ReprocessOutcome { id: id.into(), job_id: Some(job.job_id) })
    }

    /// Takes a letter out without doing anything about it; its window may be swept again.
    pub async fn resolve(&self, id: &str, reason: &str) -> Result<DeadLetter, DeadLetterError> {
        let letter = self.inspect(id).await?;
        tracing::info!(target: "audit", action = "dlq.resolve", letter = id, reason, "a dead letter was resolved");
        self.take_out(id).await?;
        Ok(letter)
    }

    async fn take_out(&self, id: &str) -> Result<(), DeadLetterError> {
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
    use crate::activity::Timestamp;
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
