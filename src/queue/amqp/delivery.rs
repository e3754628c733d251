//! A message from the broker on its way through a worker.

use std::sync::Arc;

use async_trait::async_trait;
use github_stats_actors::queue::{Delivery, QueueError, QueueMessage, Settlement};
use lapin::Acker;
use lapin::options::{BasicAckOptions, BasicNackOptions};

use super::Topology;
use super::amqp_error::describe;
use super::message::{self, AmqpMessage};
use super::publisher::Publisher;

/// Acknowledged when it is settled; given back to the broker when it is dropped before.
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
        let message = message::read(&delivery.properties, &delivery.data);
        AmqpDelivery { message, acker: Some(delivery.acker), publisher, topology }
    }
}

#[async_trait]
impl Delivery for AmqpDelivery {
    fn message(&self) -> &QueueMessage {
        &self.message
    }

    async fn settle(mut self: Box<Self>, settlement: Settlement) -> Result<(), QueueError> {
        // What takes its place is safe before the message is let go.
        match settlement {
            Settlement::Done => {}
            Settlement::Again { job, delay } => {
                self.publisher.send(&self.topology.route(delay), &AmqpMessage::job(&job)).await?;
            }
            Settlement::Dead(letter) => {
                self.publisher.send(&self.topology.dead_letters, &AmqpMessage::letter(&letter)).await?;
            }
        }
        let Some(acker) = self.acker.take() else { return Ok(()) };
        match acker.ack(BasicAckOptions::default()).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(QueueError::Unavailable("the connection it came over is gone".into())),
            Err(error) => Err(QueueError::Unavailable(describe(&error))),
        }
    }
}

impl Drop for AmqpDelivery {
    fn drop(&mut self) {
        let Some(acker) = self.acker.take().filter(Acker::usable) else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            // Where this fails the connection is gone, and the broker takes the message back by itself.
            let _ = acker.nack(BasicNackOptions { requeue: true, ..BasicNackOptions::default() }).await;
        });
    }
}
