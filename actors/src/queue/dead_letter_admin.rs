//! What an operator can do with dead letters: one rule for every place that keeps them.

use async_trait::async_trait;

use super::{DeadLetter, DeadLetterError, Job, ReprocessOutcome};
use crate::activity::Timestamp;

/// The oldest dead letters, and how many there are in all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetterPage {
    /// How many dead letters there are, listed or not.
    pub total: usize,
    /// The oldest of them, the oldest first.
    pub dead_letters: Vec<DeadLetter>,
}

/// The outcome of reprocessing several dead letters.
#[derive(Debug, Default)]
pub struct ReprocessSummary {
    /// The dead letters that became jobs, now or on an earlier request.
    pub reprocessed: Vec<ReprocessOutcome>,
    /// The ids of those that did not, each with the error.
    pub failed: Vec<(String, DeadLetterError)>,
}

/// Why a dead letter is removed.
#[derive(Clone, Copy, Debug)]
pub enum DeadLetterRemoval<'a> {
    /// A new job replaces it.
    Reprocessed,
    /// An operator closed it without another attempt.
    Resolved {
        /// The operator's explanation.
        reason: &'a str,
    },
}

/// A place that keeps dead letters: the stores of a replica, or the queue of a broker.
///
/// An implementation moves data; the provided methods decide. Every decision that changes anything
/// is written to the audit log.
#[async_trait]
pub trait DeadLetterAdmin: Send + Sync {
    /// The current time, which becomes the creation time of new jobs.
    fn now(&self) -> Timestamp;

    /// Up to `count` dead letters, the oldest first.
    async fn page(&self, count: usize) -> Result<DeadLetterPage, DeadLetterError>;

    /// The dead letter with this id.
    async fn find(&self, id: &str) -> Result<Option<DeadLetter>, DeadLetterError>;

    /// Whether a dead letter that is gone is known to have been reprocessed.
    async fn was_reprocessed(&self, id: &str) -> Result<bool, DeadLetterError>;

    /// Publishes the job that replaces the dead letter `id`. Returns `false`, and publishes
    /// nothing, if that was done before. After an error the dead letter is unchanged.
    async fn publish(&self, id: &str, job: Job) -> Result<bool, DeadLetterError>;

    /// Removes a dead letter.
    async fn remove(&self, id: &str, why: DeadLetterRemoval<'_>) -> Result<(), DeadLetterError>;

    /// The dead letter with this id, or an error that says there is none.
    async fn inspect(&self, id: &str) -> Result<DeadLetter, DeadLetterError> {
        self.find(id).await?.ok_or_else(|| DeadLetterError::Unknown(id.into()))
    }

    /// Turns a dead letter into a new job: one job, however often it is requested. The job is
    /// published before the dead letter is removed, so that no failure in between loses it.
    async fn reprocess(&self, id: &str) -> Result<ReprocessOutcome, DeadLetterError> {
        let before = || ReprocessOutcome { id: id.into(), job_id: None };
        let Some(dead_letter) = self.find(id).await? else {
            let known = self.was_reprocessed(id).await?;
            return if known { Ok(before()) } else { Err(DeadLetterError::Unknown(id.into())) };
        };
        let dead = dead_letter.job.ok_or_else(|| DeadLetterError::NoJob(id.into()))?;
        let job = dead.reprocessed(self.now());
        let job_id = job.job_id.clone();
        if !self.publish(id, job).await? {
            return Ok(before());
        }
        tracing::info!(target: "audit", action = "dlq.reprocess", letter = id, job_id, "a dead letter is reprocessed");
        self.remove(id, DeadLetterRemoval::Reprocessed).await?;
        Ok(ReprocessOutcome { id: id.into(), job_id: Some(job_id) })
    }

    /// Reprocesses every dead letter. One that fails does not keep the others from being
    /// reprocessed.
    async fn reprocess_all(&self) -> Result<ReprocessSummary, DeadLetterError> {
        let mut summary = ReprocessSummary::default();
        for dead_letter in self.page(usize::MAX).await?.dead_letters {
            match self.reprocess(&dead_letter.id).await {
                Ok(outcome) => summary.reprocessed.push(outcome),
                Err(error) => summary.failed.push((dead_letter.id, error)),
            }
        }
        Ok(summary)
    }

    /// Removes a dead letter without another attempt; a sweep may enqueue its window again.
    async fn resolve(&self, id: &str, reason: &str) -> Result<DeadLetter, DeadLetterError> {
        if reason.trim().is_empty() {
            return Err(DeadLetterError::NoReason);
        }
        let dead_letter = self.inspect(id).await?;
        tracing::info!(target: "audit", action = "dlq.resolve", letter = id, reason, "a dead letter was resolved");
        self.remove(id, DeadLetterRemoval::Resolved { reason }).await?;
        Ok(dead_letter)
    }
}
