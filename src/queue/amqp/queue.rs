//! The port `JobQueue` on a broker.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use github_stats_actors::observer::Observer;
use github_stats_actors::queue::{
    BrokerStatus, DeadLetter, Delivery, Job, JobQueue, QueueError, QueueEvent, QueueStatus,
};

use super::consumer::Consumer;
use super::delivery::AmqpDelivery;
use super::message::AmqpMessage;
use super::publisher::Publisher;
use super::{AmqpDeadLetters, Broker, Topology};

/// A job queue on a broker. The owner must run [`run_publisher`](Self::run_publisher) and
/// [`run_consumer`](Self::run_consumer), which keep the connections open.
pub struct AmqpQueue {
    broker: Broker,
    topology: Topology,
    publisher: Arc<Publisher>,
    consumer: Consumer,
}

impl AmqpQueue {
    /// A queue that receives at most `prefetch` jobs before one of them is settled.
    pub fn new(
        broker: Broker,
        topology: Topology,
        prefetch: u16,
        observer: Arc<dyn Observer<QueueEvent>>,
    ) -> Self {
        let publisher = Arc::new(Publisher::new(broker.clone(), topology.clone(), observer));
        let consumer = Consumer::new(broker.clone(), topology.clone(), prefetch);
        AmqpQueue { broker, topology, publisher, consumer }
    }

    /// Keeps the connection for publishing open. Never returns.
    pub async fn run_publisher(&self) {
        self.publisher.run().await;
    }

    /// Keeps the connection for receiving open. Never returns.
    pub async fn run_consumer(&self) {
        self.consumer.run().await;
    }

    /// The state of the connection for publishing.
    pub fn broker_status(&self) -> BrokerStatus {
        self.publisher.status()
    }

    /// Publishes to the dead-letter queue.
    ///
    /// # Errors
    /// If the broker does not confirm the message.
    pub async fn publish_dead_letter(&self, dead_letter: &DeadLetter) -> Result<(), QueueError> {
        self.publisher.send(&self.topology.dead_letters, &AmqpMessage::dead_letter(dead_letter)).await
    }
}

#[async_trait]
impl JobQueue for AmqpQueue {
    async fn publish(&self, job: Job, delay: Duration) -> Result<(), QueueError> {
        self.publisher.send(&self.topology.route(delay), &AmqpMessage::job(&job)).await
    }

    async fn receive(&self) -> Result<Box<dyn Delivery>, QueueError> {
        let closed = || QueueError::Unavailable("the consumer has stopped".into());
        let delivery = self.consumer.receive().await.ok_or_else(closed)?;
        Ok(Box::new(AmqpDelivery::new(delivery, self.publisher.clone(), self.topology.clone())))
    }

    async fn forget(&self, dead_letter_id: &str) -> Result<(), QueueError> {
        let unavailable = |error: super::AmqpError| QueueError::Unavailable(error.to_string());
        let dead_letters = AmqpDeadLetters::open(&self.broker, &self.topology).await.map_err(unavailable)?;
        dead_letters.discard(dead_letter_id).await.map(drop).map_err(unavailable)
    }

    fn status(&self) -> QueueStatus {
        QueueStatus { broker: Some(self.publisher.status()), outbox: 0 }
    }
}
