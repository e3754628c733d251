//! The connection that publishes messages.

use std::sync::Arc;
use std::time::Duration;

use actix_supervisor::Observable;
use arc_swap::ArcSwapOption;
use backon::{BackoffBuilder, ExponentialBuilder};
use github_stats_actors::observer::Observer;
use github_stats_actors::queue::{BrokerStatus, QueueError, QueueEvent};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{Channel, Confirmation, Connection};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::amqp_error::describe;
use super::message::AmqpMessage;
use super::topology::short;
use super::{AmqpError, Broker, Topology};

/// Deadline for the broker to confirm a message.
const CONFIRM_LIMIT: Duration = Duration::from_secs(5);
/// Interval at which the state of the connection is polled.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Publishes messages and waits for the broker's confirmation.
pub(super) struct Publisher {
    broker: Broker,
    topology: Topology,
    connection: ArcSwapOption<PublisherConnection>,
    status: Observable<BrokerStatus>,
    observer: Arc<dyn Observer<QueueEvent>>,
}

struct PublisherConnection {
    connection: Connection,
    channel: Channel,
    /// Notified when a message was not confirmed, so that the connection is replaced.
    failed: Notify,
}

impl PublisherConnection {
    fn is_alive(&self) -> bool {
        self.connection.status().connected() && self.channel.status().connected()
    }

    fn is_blocked(&self) -> bool {
        self.connection.status().blocked()
    }
}

/// Pauses between attempts to connect, from 200 ms to 10 s with jitter.
pub(super) fn reconnect_backoff() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(200))
        .with_max_delay(Duration::from_secs(10))
        .with_jitter()
        .without_max_times()
        .build()
}

impl Publisher {
    pub(super) fn new(broker: Broker, topology: Topology, observer: Arc<dyn Observer<QueueEvent>>) -> Self {
        let detail = "it has not been connected to yet".to_owned();
        let status = Observable::new(BrokerStatus { connected: false, detail });
        Publisher { broker, topology, connection: ArcSwapOption::empty(), status, observer }
    }

    /// The state of the connection.
    pub(super) fn status(&self) -> BrokerStatus {
        (*self.status.get()).clone()
    }

    /// Keeps a connection open. Never returns.
    pub(super) async fn run(&self) {
        // A previous run may have been dropped without clearing its connection.
        self.connection.store(None);
        let mut backoff = reconnect_backoff();
        loop {
            match self.open().await {
                Ok(connection) => {
                    backoff = reconnect_backoff();
                    let connection = Arc::new(connection);
                    self.connection.store(Some(connection.clone()));
                    self.watch(&connection).await;
                    self.connection.store(None);
                }
                Err(error) => self.set_disconnected(&error.to_string()),
            }
            sleep(backoff.next().unwrap_or(POLL_INTERVAL)).await;
        }
    }

    async fn open(&self) -> Result<PublisherConnection, AmqpError> {
        let address = self.broker.address();
        let connection = self.broker.connect("publishes").await?;
        self.topology.declare(&connection, &address).await?;
        let failed = |error: lapin::Error| AmqpError::connecting(&address, &error);
        let channel = connection.create_channel().await.map_err(failed)?;
        channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(failed)?;
        Ok(PublisherConnection { connection, channel, failed: Notify::new() })
    }

    /// Updates the status until the connection ends.
    async fn watch(&self, connection: &PublisherConnection) {
        while connection.is_alive() {
            match connection.is_blocked() {
                true => {
                    self.set_disconnected(
                        "the broker blocks publishers: it is short of memory or disk space",
                    );
                }
                false => self.set_connected(),
            }
            tokio::select! {
                () = connection.failed.notified() => break,
                () = sleep(POLL_INTERVAL) => {}
            }
        }
        self.set_disconnected("the connection to the broker was lost");
    }

    fn set_connected(&self) {
        if !self.status.get().connected {
            tracing::info!(
                broker = self.broker.address(),
                "connected to the broker; backfill jobs are published"
            );
            self.status.set(BrokerStatus { connected: true, detail: String::new() });
        }
    }

    fn set_disconnected(&self, detail: &str) {
        let before = self.status.get();
        if before.connected || before.detail != detail {
            tracing::warn!(detail, "backfill jobs cannot be published to the broker");
            self.status.set(BrokerStatus { connected: false, detail: detail.to_owned() });
        }
    }

    /// Publishes a message to a queue and returns once the broker has confirmed it.
    pub(super) async fn send(&self, queue: &str, message: &AmqpMessage) -> Result<(), QueueError> {
        let unavailable = |detail: String| QueueError::Unavailable(detail);
        let connection = self.connection.load_full();
        let connection = connection
            .filter(|connection| connection.is_alive() && !connection.is_blocked())
            .ok_or_else(|| unavailable(self.status.get().detail.clone()))?;
        let sent = match timeout(CONFIRM_LIMIT, self.send_over(&connection, queue, message)).await {
            Ok(sent) => sent,
            Err(_) => {
                // A blocked connection is not replaced, because it works again once the broker
                // unblocks it.
                if !connection.is_blocked() {
                    connection.failed.notify_one();
                }
                Err(format!("the broker did not confirm within {} s", CONFIRM_LIMIT.as_secs()))
            }
        };
        self.observer.on_event(QueueEvent::MessagePublished { confirmed: sent.is_ok() });
        sent.map_err(unavailable)
    }

    async fn send_over(
        &self,
        connection: &PublisherConnection,
        queue: &str,
        message: &AmqpMessage,
    ) -> Result<(), String> {
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let (exchange, key) = (short(&self.topology.exchange), short(queue));
        let properties = message.properties.clone();
        let sent = connection.channel.basic_publish(exchange, key, options, &message.body, properties).await;
        let confirmed = sent.map_err(|error| describe(&error))?.await.map_err(|error| describe(&error))?;
        match confirmed {
            Confirmation::Ack(None) => Ok(()),
            Confirmation::Ack(Some(_)) => {
                // The queue was deleted. The next connection declares it again.
                connection.failed.notify_one();
                Err(format!("queue \"{queue}\" is missing"))
            }
            Confirmation::Nack(_) | Confirmation::NotRequested => {
                Err("the broker refused the message".into())
            }
        }
    }
}
