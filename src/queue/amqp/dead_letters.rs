//! The queue of dead letters as an operator works on it.

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
use super::{AmqpError, Broker, Topology};

/// How long any one step may take.
const LIMIT: Duration = Duration::from_secs(10);

/// A connection of its own to look through the dead letters. What it looked at goes back to its place when it is dropped.
pub struct AmqpDeadLetters {
    at: String,
    topology: Topology,
    channel: Channel,
    _connection: Connection,
}

/// A letter, and the hold on its message.
struct Found {
    letter: DeadLetter,
    acker: Acker,
}

impl AmqpDeadLetters {
    /// Connects.
    ///
    /// # Errors
    /// [`AmqpError`] with what to do about it.
    pub async fn open(broker: &Broker, topology: &Topology) -> Result<Self, AmqpError> {
        let at = broker.address();
        let connection = broker.connect("dead letters").await?;
        topology.declare(&connection, &at).await?;
        let broken = |error: lapin::Error| AmqpError::connecting(&at, &error);
        let channel = connection.create_channel().await.map_err(broken)?;
        channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(broken)?;
        Ok(AmqpDeadLetters { topology: topology.clone(), channel, _connection: connection, at })
    }

    /// How many letters there are.
    ///
    /// # Errors
    /// When the broker does not answer.
    pub async fn count(&self) -> Result<usize, AmqpError> {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let queue = short(&self.topology.dead_letters);
        let declared = self.within(self.channel.queue_declare(queue, options, FieldTable::default())).await?;
        Ok(usize::try_from(declared.message_count()).unwrap_or(usize::MAX))
    }

    /// The letters that have been there longest. One that is there twice is told once.
    ///
    /// # Errors
    /// When the broker does not answer.
    pub async fn letters(&self, count: usize) -> Result<Vec<DeadLetter>, AmqpError> {
        let mut seen = BTreeSet::new();
        let mut letters = Vec::new();
        while letters.len() < count {
            let Some(found) = self.next().await? else { break };
            if seen.insert(found.letter.id.clone()) {
                letters.push(found.letter);
            }
        }
        Ok(letters)
    }

    /// Makes a job of a letter: the job is safe before the letter is let go. `None` where there is no such letter;
    /// an empty id where it holds no job.
    ///
    /// # Errors
    /// When the broker does not answer; the letter is still there then.
    pub async fn reprocess(&self, id: &str, now: Timestamp) -> Result<Option<Option<String>>, AmqpError> {
        let found = self.find(id).await?;
        let Some(first) = found.first() else { return Ok(None) };
        let Some(dead) = &first.letter.job else { return Ok(Some(None)) };
        let job = dead.reprocessed(now);
        self.send(&AmqpMessage::job(&job)).await?;
        self.let_go(found).await?;
        Ok(Some(Some(job.job_id)))
    }

    /// Takes a letter out and tells the replicas, whose book still has it; whether it was there.
    ///
    /// # Errors
    /// When the broker does not answer; the letter is still there then.
    pub async fn resolve(&self, id: &str, reason: &str, now: Timestamp) -> Result<bool, AmqpError> {
        let found = self.find(id).await?;
        if found.is_empty() {
            return Ok(false);
        }
        let resolved = ResolvedNotice { dead_letter: id.to_owned(), reason: reason.to_owned() };
        self.send(&AmqpMessage::resolved(&resolved, now)).await?;
        self.let_go(found).await?;
        Ok(true)
    }

    /// Takes a letter out and tells nobody; whether it was there.
    ///
    /// # Errors
    /// When the broker does not answer.
    pub async fn discard(&self, id: &str) -> Result<bool, AmqpError> {
        let found = self.find(id).await?;
        let was_there = !found.is_empty();
        self.let_go(found).await?;
        Ok(was_there)
    }

    /// Every message of this letter: one that was sent twice is there twice.
    async fn find(&self, id: &str) -> Result<Vec<Found>, AmqpError> {
        let mut found = Vec::new();
        for _ in 0..self.count().await? {
            match self.next().await? {
                Some(next) if next.letter.id == id => found.push(next),
                Some(_) => {}
                None => break,
            }
        }
        Ok(found)
    }

    /// The next message that nobody looks at; it is held until the channel is closed.
    async fn next(&self) -> Result<Option<Found>, AmqpError> {
        let queue = short(&self.topology.dead_letters);
        let got = self.within(self.channel.basic_get(queue, BasicGetOptions::default())).await?;
        Ok(got.map(|got| {
            let letter = message::read_letter(&got.properties, &got.data);
            Found { letter, acker: got.delivery.acker }
        }))
    }

    async fn let_go(&self, found: Vec<Found>) -> Result<(), AmqpError> {
        for message in found {
            self.within(message.acker.ack(BasicAckOptions::default())).await?;
        }
        // The broker answers in order: when it has answered this, it has seen the acknowledgements.
        self.count().await.map(drop)
    }

    async fn send(&self, parcel: &AmqpMessage) -> Result<(), AmqpError> {
        let (exchange, key) = (short(&self.topology.exchange), short(&self.topology.jobs));
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let properties = parcel.properties.clone();
        let sent = self.channel.basic_publish(exchange, key, options, &parcel.body, properties);
        let confirmed = self.within(async { sent.await?.await }).await?;
        match confirmed {
            Confirmation::Ack(None) => Ok(()),
            _ => Err(AmqpError::Broken { at: self.at.clone(), cause: "it did not take the message".into() }),
        }
    }

    async fn within<T>(&self, step: impl Future<Output = Result<T, lapin::Error>>) -> Result<T, AmqpError> {
        match timeout(LIMIT, step).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(AmqpError::Broken { at: self.at.clone(), cause: describe(&error) }),
            Err(_) => Err(AmqpError::Silent { at: self.at.clone(), limit: LIMIT }),
        }
    }
}
