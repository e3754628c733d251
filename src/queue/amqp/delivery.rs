//! A message that was delivered by the broker to a worker.

use std::sync::Arc;

use async_trait::async_trait;
use github_stats_actors::queue::{Delivery, QueueError, QueueMessage, Settlement};
use lapin::Acker;
use lapin::options::{BasicAckOptions, BasicNackOptions};

use super::Topology;
use super::amqp_error::describe;
use super::message::{self, AmqpMessage};
use super::publisher::Publisher;

/// Acknowledged when it is settled; requeued by the broker if it is dropped before.
pub(super) struct AmqpDelivery {
    message: QueueMessage,
    /// `None` once settled.
    acker: Option<Acker>,
    publisher: Arc<Publisher>,
    topology: Topology,
}

impl AmqpDelivery {
    pub(super) fn new(
        delivery: lapin::message::Delivery,
        publisher: Arc<Publisher>,
        topology: Topology,
    ) -> Self {
        let message = message::parse(&delivery.properties, &delivery.data);
        AmqpDelivery { message, acker: Some(delivery.acker), publisher, topology }
    }
}

#[async_trait]
impl Delivery for AmqpDelivery {
    fn message(&self) -> &QueueMessage {
        &self.message
    }

    async fn settle(mut self: Box<Self>, settlement: Settlement) -> Result<(), QueueError> {
        // The replacement is confirmed before the message is acknowledged.
        match settlement {
            Settlement::Done => {}
            Settlement::Again { job, delay } => {
                self.publisher.send(&self.topology.route(delay), &AmqpMessage::job(&job)).await?;
            }
            Settlement::Dead(dead_letter) => {
                let message = AmqpMessage::dead_letter(&dead_letter);
                self.publisher.send(&self.topology.dead_letters, &message).await?;
            }
        }
        let Some(acker) = self.acker.take() else { return Ok(()) };
        match acker.ack(BasicAckOptions::default()).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(QueueError::Unavailable("the connection of the message is closed".into())),
            Err(error) => Err(QueueError::Unavailable(describe(&error))),
        }
    }
}

impl Drop for AmqpDelivery {
    fn drop(&mut self) {
        let Some(acker) = self.acker.take().filter(Acker::usable) else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            // If this fails, the connection is closed, and the broker requeues the message anyway.
            let _ = acker.nack(BasicNackOptions { requeue: true, ..BasicNackOptions::default() }).await;
        });
    }
}
