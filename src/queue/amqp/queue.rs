//! The port of jobs, over a broker.

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

/// Jobs on a broker. It does nothing by itself: whoever has it keeps [`publishing`](Self::publishing) and
/// [`consuming`](Self::consuming) going.
pub struct AmqpQueue {
    broker: Broker,
    topology: Topology,
    publisher: Arc<Publisher>,
    consumer: Consumer,
}

impl AmqpQueue {
    /// A queue from which at most `prefetch` jobs are taken at a time.
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

    /// Keeps the connection for sending open, for ever.
    pub async fn publishing(&self) {
        self.publisher.run().await;
    }

    /// Keeps the connection for receiving open, for ever.
    pub async fn consuming(&self) {
        self.consumer.run().await;
    }

    /// How the broker is, as far as sending goes.
    pub fn broker_status(&self) -> BrokerStatus {
        self.publisher.status()
    }

    /// Puts a letter into the queue of dead letters.
    ///
    /// # Errors
    /// When the broker does not confirm to have it.
    pub async fn bury(&self, letter: &DeadLetter) -> Result<(), QueueError> {
        self.publisher.send(&self.topology.dead_letters, &AmqpMessage::letter(letter)).await
    }
}

#[async_trait]
impl JobQueue for AmqpQueue {
    async fn publish(&self, job: Job, delay: Duration) -> Result<(), QueueError> {
        self.publisher.send(&self.topology.route(delay), &AmqpMessage::job(&job)).await
    }

    async fn receive(&self) -> Result<Box<dyn Delivery>, QueueError> {
        let closed = || QueueError::Unavailable("it is closed".into());
        let delivery = self.consumer.receive().await.ok_or_else(closed)?;
        Ok(Box::new(AmqpDelivery::new(delivery, self.publisher.clone(), self.topology.clone())))
    }

    async fn forget(&self, letter: &str) -> Result<(), QueueError> {
        let unavailable = |error: super::AmqpError| QueueError::Unavailable(error.to_string());
        let letters = AmqpDeadLetters::open(&self.broker, &self.topology).await.map_err(unavailable)?;
        letters.discard(letter).await.map(drop).map_err(unavailable)
    }

    fn status(&self) -> QueueStatus {
        QueueStatus { broker: Some(self.publisher.status()), outbox: 0 }
    }
}
