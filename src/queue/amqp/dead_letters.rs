//! Inspecting and removing messages of the dead-letter queue.

use std::collections::BTreeSet;
use std::time::Duration;

use github_stats_actors::activity::Timestamp;
use github_stats_actors::queue::{DeadLetter, Job, ResolvedNotice};
use lapin::Acker;
use lapin::options::{
    BasicAckOptions, BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{Channel, Confirmation, Connection};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::amqp_error::describe;
use super::message::{self, AmqpMessage};
use super::topology::short;
use super::{AmqpError, Broker, Topology};

/// Deadline of each request to the broker.
const LIMIT: Duration = Duration::from_secs(10);

/// A separate connection to the dead-letter queue. When it is dropped, the broker requeues the
/// messages that were read but not removed.
pub struct AmqpDeadLetters {
    address: String,
    topology: Topology,
    channel: Channel,
    /// Messages that were fetched and not acknowledged, the oldest first.
    unacknowledged: Mutex<Vec<FetchedDeadLetter>>,
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
        Ok(AmqpDeadLetters {
            topology: topology.clone(),
            channel,
            unacknowledged: Mutex::default(),
            _connection: connection,
            address,
        })
    }

    /// Number of messages in the queue.
    ///
    /// # Errors
    /// If the broker does not answer.
    pub async fn count(&self) -> Result<usize, AmqpError> {
        let unacknowledged = self.unacknowledged.lock().await.len();
        Ok(unacknowledged + self.count_ready().await?)
    }

    /// The `count` oldest dead letters. Copies of the same dead letter are returned once.
    ///
    /// # Errors
    /// If the broker does not answer.
    pub async fn list(&self, count: usize) -> Result<Vec<DeadLetter>, AmqpError> {
        let mut unacknowledged = self.unacknowledged.lock().await;
        let mut ids = BTreeSet::new();
        let mut dead_letters = Vec::new();
        let mut read = 0;
        while dead_letters.len() < count {
            if read == unacknowledged.len() {
                let Some(fetched) = self.fetch_next().await? else { break };
                unacknowledged.push(fetched);
            }
            let dead_letter = &unacknowledged[read].dead_letter;
            read += 1;
            if ids.insert(dead_letter.id.clone()) {
                dead_letters.push(dead_letter.clone());
            }
        }
        Ok(dead_letters)
    }

    /// Publishes a job to the queue of jobs.
    ///
    /// # Errors
    /// If the broker does not confirm that it has the job.
    pub async fn publish_job(&self, job: &Job) -> Result<(), AmqpError> {
        self.publish(&AmqpMessage::job(job)).await
    }

    /// Removes a dead letter and notifies the replicas, which remove it from their shared records.
    /// Returns whether it existed.
    ///
    /// # Errors
    /// If the broker does not answer; the dead letter is kept then.
    pub async fn resolve(&self, id: &str, reason: &str, now: Timestamp) -> Result<bool, AmqpError> {
        let copies = self.take_copies(id).await?;
        if copies.is_empty() {
            return Ok(false);
        }
        let notice = ResolvedNotice { dead_letter: id.to_owned(), reason: reason.to_owned() };
        self.publish(&AmqpMessage::resolved(&notice, now)).await?;
        self.acknowledge(copies).await?;
        Ok(true)
    }

    /// Removes a dead letter without notifying the replicas. Returns whether it existed.
    ///
    /// # Errors
    /// If the broker does not answer.
    pub async fn discard(&self, id: &str) -> Result<bool, AmqpError> {
        let copies = self.take_copies(id).await?;
        let existed = !copies.is_empty();
        self.acknowledge(copies).await?;
        Ok(existed)
    }

    /// Takes all copies of a dead letter; there are several if it was published more than once.
    async fn take_copies(&self, id: &str) -> Result<Vec<FetchedDeadLetter>, AmqpError> {
        let mut unacknowledged = self.unacknowledged.lock().await;
        for _ in 0..self.count_ready().await? {
            let Some(fetched) = self.fetch_next().await? else { break };
            unacknowledged.push(fetched);
        }
        Ok(unacknowledged.extract_if(.., |fetched| fetched.dead_letter.id == id).collect())
    }

    /// Number of messages in the queue that no connection has fetched.
    async fn count_ready(&self) -> Result<usize, AmqpError> {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let queue = short(&self.topology.dead_letters);
        let declared =
            self.with_timeout(self.channel.queue_declare(queue, options, FieldTable::default())).await?;
        Ok(usize::try_from(declared.message_count()).unwrap_or(usize::MAX))
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
        self.count_ready().await.map(drop)
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
