//! The connection over which messages are received.

use std::time::Duration;

use futures::StreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection};
use tokio::sync::{Mutex, mpsc};
use tokio::time::sleep;

use super::amqp_error::describe;
use super::publisher::pauses;
use super::topology::short;
use super::{AmqpError, Broker, Topology};

/// Receives messages, as many at a time as there are workers.
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

    /// Keeps a connection open for ever.
    pub(super) async fn run(&self) {
        let mut waits = pauses();
        loop {
            match self.open().await {
                Ok((connection, channel, consumer)) => {
                    waits = pauses();
                    self.forward(consumer).await;
                    drop((channel, connection));
                }
                Err(error) => tracing::debug!(%error, "backfill jobs cannot be received from the broker"),
            }
            sleep(waits.next().unwrap_or(Duration::from_secs(1))).await;
        }
    }

    async fn open(&self) -> Result<(Connection, Channel, lapin::Consumer), AmqpError> {
        let at = self.broker.address();
        let connection = self.broker.connect("consumes").await?;
        self.topology.declare(&connection, &at).await?;
        let broken = |error: lapin::Error| AmqpError::connecting(&at, &error);
        let channel = connection.create_channel().await.map_err(broken)?;
        channel.basic_qos(self.prefetch, BasicQosOptions::default()).await.map_err(broken)?;
        let (queue, options) = (short(&self.topology.jobs), BasicConsumeOptions::default());
        let consuming = channel.basic_consume(queue, "".into(), options, FieldTable::default()).await;
        Ok((connection, channel, consuming.map_err(broken)?))
    }

    async fn forward(&self, mut consumer: lapin::Consumer) {
        while let Some(delivery) = consumer.next().await {
            match delivery {
                Ok(delivery) => {
                    // There is room for everything that the broker sends before something is settled.
                    if self.sender.send(delivery).await.is_err() {
                        return;
                    }
                }
                Err(error) => {
                    tracing::debug!(error = describe(&error), "the connection that receives jobs broke off");
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
            // One of a connection that is gone will be delivered again over the next.
            if delivery.acker.usable() {
                return Some(delivery);
            }
        }
    }
}
