//! Inspecting and removing messages of the dead-letter queue.

use std::collections::BTreeSet;
use std::time::Duration;

use github_stats_actors::activity::Timestamp;
use github_stats_actors::queue::{DeadLetter, ResolvedNotice};
use lapin::Acker;
use lapin::options::{
    BasicAckOptions, BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{Channel, Confirmation, Connection};
use tokio::time::timeout;

use super::amqp_error::describe;
use super::message::{self, AmqpMessage};
use super::topology::short;
use super::{AmqpError, AmqpReprocessOutcome, Broker, Topology};

/// Deadline of each request to the broker.
const LIMIT: Duration = Duration::from_secs(10);

/// A separate connection to the dead-letter queue. When it is dropped, the broker requeues the
/// messages that were read but not removed.
pub struct AmqpDeadLetters {
    address: String,
    topology: Topology,
    channel: Channel,
    _connection: Connection,
}

/// A dead letter whose message is not acknowledged yet.
struct FetchedDeadLetter {
    dead_letter: DeadLetter,
    acker: Acker,
}

impl AmqpDeadLetters {
    /// Connects to the broker.
    ///
    /// # Errors
    /// See [`AmqpError`].
    pub async fn open(broker: &Broker, topology: &Topology) -> Result<Self, AmqpError> {
        let address = broker.address();
        let connection = broker.connect("dead letters").await?;
        topology.declare(&connection, &address).await?;
        let failed = |error: lapin::Error| AmqpError::connecting(&address, &error);
        let channel = connection.create_channel().await.map_err(failed)?;
        channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(failed)?;
        Ok(AmqpDeadLetters { topology: topology.clone(), channel, _connection: connection, address })
    }

    /// Number of messages in the queue.
    ///
    /// # Errors
    /// If the broker does not answer.
    pub async fn count(&self) -> Result<usize, AmqpError> {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let queue = short(&self.topology.dead_letters);
        let declared =
            self.with_timeout(self.channel.queue_declare(queue, options, FieldTable::default())).await?;
        Ok(usize::try_from(declared.message_count()).unwrap_or(usize::MAX))
    }

    /// The `count` oldest dead letters. Copies of the same dead letter are returned once.
    ///
    /// # Errors
    /// If the broker does not answer.
    pub async fn list(&self, count: usize) -> Result<Vec<DeadLetter>, AmqpError> {
        let mut ids = BTreeSet::new();
        let mut dead_letters = Vec::new();
        while dead_letters.len() < count {
            let Some(fetched) = self.fetch_next().await? else { break };
            if ids.insert(fetched.dead_letter.id.clone()) {
                dead_letters.push(fetched.dead_letter);
            }
        }
        Ok(dead_letters)
    }

    /// Enqueues the job of a dead letter again. The job is confirmed by the broker before the dead
    /// letter is removed.
    ///
    /// # Errors
    /// If the broker does not answer; the dead letter is kept then.
    pub async fn reprocess(&self, id: &str, now: Timestamp) -> Result<AmqpReprocessOutcome, AmqpError> {
        let copies = self.fetch_copies(id).await?;
        let Some(first) = copies.first() else { return Ok(AmqpReprocessOutcome::NotFound) };
        let Some(dead_job) = &first.dead_letter.job else { return Ok(AmqpReprocessOutcome::NotAJob) };
        let job = dead_job.reprocessed(now);
        self.publish(&AmqpMessage::job(&job)).await?;
        self.acknowledge(copies).await?;
        Ok(AmqpReprocessOutcome::Enqueued { job_id: job.job_id })
    }

    /// Removes a dead letter and notifies the replicas, which remove it from their shared records.
    /// Returns whether it existed.
    ///
    /// # Errors
    /// If the broker does not answer; the dead letter is kept then.
    pub async fn resolve(&self, id: &str, reason: &str, now: Timestamp) -> Result<bool, AmqpError> {
        let copies = self.fetch_copies(id).await?;
        if copies.is_empty() {
            return Ok(false);
        }
        let notice = ResolvedNotice { letter: id.to_owned(), reason: reason.to_owned() };
        self.publish(&AmqpMessage::resolved(&notice, now)).await?;
        self.acknowledge(copies).await?;
        Ok(true)
    }

    /// Removes a dead letter without notifying the replicas. Returns whether it existed.
    ///
    /// # Errors
    /// If the broker does not answer.
    pub async fn discard(&self, id: &str) -> Result<bool, AmqpError> {
        let copies = self.fetch_copies(id).await?;
        let existed = !copies.is_empty();
        self.acknowledge(copies).await?;
        Ok(existed)
    }

    /// Fetches all copies of a dead letter; there are several if it was published more than once.
    async fn fetch_copies(&self, id: &str) -> Result<Vec<FetchedDeadLetter>, AmqpError> {
        let mut copies = Vec::new();
        for _ in 0..self.count().await? {
            match self.fetch_next().await? {
                Some(fetched) if fetched.dead_letter.id == id => copies.push(fetched),
                Some(_) => {}
                None => break,
            }
        }
        Ok(copies)
    }

    /// Fetches the next message that no connection has fetched. It stays unacknowledged until the
    /// channel is closed.
    async fn fetch_next(&self) -> Result<Option<FetchedDeadLetter>, AmqpError> {
        let queue = short(&self.topology.dead_letters);
        let got = self.with_timeout(self.channel.basic_get(queue, BasicGetOptions::default())).await?;
        Ok(got.map(|got| {
            let dead_letter = message::parse_dead_letter(&got.properties, &got.data);
            FetchedDeadLetter { dead_letter, acker: got.delivery.acker }
        }))
    }

    async fn acknowledge(&self, messages: Vec<FetchedDeadLetter>) -> Result<(), AmqpError> {
        for message in messages {
            self.with_timeout(message.acker.ack(BasicAckOptions::default())).await?;
        }
        // The broker processes requests in order, so after this reply it has processed the
        // acknowledgements.
        self.count().await.map(drop)
    }

    async fn publish(&self, message: &AmqpMessage) -> Result<(), AmqpError> {
        let (exchange, key) = (short(&self.topology.exchange), short(&self.topology.jobs));
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let properties = message.properties.clone();
        let published = self.channel.basic_publish(exchange, key, options, &message.body, properties);
        match self.with_timeout(async { published.await?.await }).await? {
            Confirmation::Ack(None) => Ok(()),
            _ => Err(self.failed("the broker did not accept the message".to_owned())),
        }
    }

    async fn with_timeout<T>(
        &self,
        request: impl Future<Output = Result<T, lapin::Error>>,
    ) -> Result<T, AmqpError> {
        match timeout(LIMIT, request).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(error)) => Err(self.failed(describe(&error))),
            Err(_) => Err(AmqpError::Timeout { address: self.address.clone(), limit: LIMIT }),
        }
    }

    fn failed(&self, cause: String) -> AmqpError {
        AmqpError::Connection { address: self.address.clone(), cause }
    }
}
