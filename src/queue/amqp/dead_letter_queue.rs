//! Dead letters in the broker's own queue, for operators who reach the broker and no replica.

use std::sync::Arc;

use async_trait::async_trait;
use github_stats_actors::activity::Timestamp;
use github_stats_actors::clock::Clock;
use github_stats_actors::queue::{
    DeadLetter, DeadLetterAdmin, DeadLetterError, DeadLetterPage, DeadLetterRemoval, Job, QueueError,
};

use super::{AmqpDeadLetters, AmqpError, Broker, Topology};

/// The broker's queue of dead letters. It remembers nothing about dead letters that are gone: replicas
/// recognise a job that was published twice.
pub struct DeadLetterQueue {
    session: AmqpDeadLetters,
    clock: Arc<Clock>,
}

impl DeadLetterQueue {
    /// Connects to the broker.
    ///
    /// # Errors
    /// [`AmqpError`] with what to do about it.
    pub async fn open(broker: &Broker, topology: &Topology, clock: Arc<Clock>) -> Result<Self, AmqpError> {
        Ok(DeadLetterQueue { session: AmqpDeadLetters::open(broker, topology).await?, clock })
    }
}

#[async_trait]
impl DeadLetterAdmin for DeadLetterQueue {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn page(&self, count: usize) -> Result<DeadLetterPage, DeadLetterError> {
        let total = self.session.count().await.map_err(failed)?;
        let dead_letters = self.session.list(count).await.map_err(failed)?;
        Ok(DeadLetterPage { total, dead_letters })
    }

    async fn find(&self, id: &str) -> Result<Option<DeadLetter>, DeadLetterError> {
        let dead_letters = self.session.list(usize::MAX).await.map_err(failed)?;
        Ok(dead_letters.into_iter().find(|dead_letter| dead_letter.id == id))
    }

    async fn was_reprocessed(&self, _: &str) -> Result<bool, DeadLetterError> {
        Ok(false)
    }

    async fn publish(&self, _: &str, job: Job) -> Result<bool, DeadLetterError> {
        let published = self.session.publish_job(&job).await;
        published.map_err(|error| QueueError::Unavailable(error.to_string()))?;
        Ok(true)
    }

    async fn remove(&self, id: &str, why: DeadLetterRemoval<'_>) -> Result<(), DeadLetterError> {
        let removed = match why {
            DeadLetterRemoval::Reprocessed => self.session.discard(id).await,
            DeadLetterRemoval::Resolved { reason } => self.session.resolve(id, reason, self.now()).await,
        };
        removed.map(drop).map_err(failed)
    }
}

fn failed(error: AmqpError) -> DeadLetterError {
    DeadLetterError::Broker(error.to_string())
}
