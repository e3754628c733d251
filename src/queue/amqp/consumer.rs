//! The connection that receives messages.

use std::time::Duration;

use futures::StreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection};
use tokio::sync::{Mutex, mpsc};
use tokio::time::sleep;

use super::amqp_error::describe;
use super::publisher::reconnect_backoff;
use super::topology::short;
use super::{AmqpError, Broker, Topology};

/// Receives messages. At most `prefetch` of them are unacknowledged at a time, one per worker.
pub(super) struct Consumer {
    broker: Broker,
    topology: Topology,
    prefetch: u16,
    sender: mpsc::Sender<Delivery>,
    receiver: Mutex<mpsc::Receiver<Delivery>>,
}

impl Consumer {
    pub(super) fn new(broker: Broker, topology: Topology, prefetch: u16) -> Self {
        let (sender, receiver) = mpsc::channel(usize::from(prefetch.max(1)));
        Consumer { broker, topology, prefetch, sender, receiver: Mutex::new(receiver) }
    }

    /// Keeps a connection open. Never returns.
    pub(super) async fn run(&self) {
        let mut backoff = reconnect_backoff();
        loop {
            match self.open().await {
                Ok((connection, channel, consumer)) => {
                    backoff = reconnect_backoff();
                    self.forward(consumer).await;
                    drop((channel, connection));
                }
                Err(error) => tracing::debug!(%error, "backfill jobs cannot be received from the broker"),
            }
            sleep(backoff.next().unwrap_or(Duration::from_secs(1))).await;
        }
    }

    async fn open(&self) -> Result<(Connection, Channel, lapin::Consumer), AmqpError> {
        let address = self.broker.address();
        let connection = self.broker.connect("consumes").await?;
        self.topology.declare(&connection, &address).await?;
        let failed = |error: lapin::Error| AmqpError::connecting(&address, &error);
        let channel = connection.create_channel().await.map_err(failed)?;
        channel.basic_qos(self.prefetch, BasicQosOptions::default()).await.map_err(failed)?;
        let (queue, options) = (short(&self.topology.jobs), BasicConsumeOptions::default());
        let consuming = channel.basic_consume(queue, "".into(), options, FieldTable::default()).await;
        Ok((connection, channel, consuming.map_err(failed)?))
    }

    async fn forward(&self, mut consumer: lapin::Consumer) {
        while let Some(delivery) = consumer.next().await {
            match delivery {
                Ok(delivery) => {
                    // Does not wait: the channel has a capacity of `prefetch`, and the broker sends
                    // no more than that.
                    if self.sender.send(delivery).await.is_err() {
                        return;
                    }
                }
                Err(error) => {
                    tracing::debug!(error = describe(&error), "the connection that receives jobs was lost");
                    return;
                }
            }
        }
    }

    /// Waits for the next message. Dropping the future loses nothing.
    pub(super) async fn receive(&self) -> Option<Delivery> {
        let mut receiver = self.receiver.lock().await;
        loop {
            let delivery = receiver.recv().await?;
            // A message of a closed connection is delivered again over the next one.
            if delivery.acker.usable() {
                return Some(delivery);
            }
        }
    }
}
