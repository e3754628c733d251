//! The connection over which messages are sent.

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

/// How long the broker may take to confirm a message.
const CONFIRM_LIMIT: Duration = Duration::from_secs(5);
/// How often the connection is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Sends messages and waits until the broker has confirmed that it keeps them.
pub(super) struct Publisher {
    broker: Broker,
    topology: Topology,
    link: ArcSwapOption<Link>,
    status: Observable<BrokerStatus>,
    observer: Arc<dyn Observer<QueueEvent>>,
}

struct Link {
    connection: Connection,
    channel: Channel,
    /// Told when a message was not confirmed: the connection is of no use any more.
    given_up: Notify,
}

impl Link {
    fn is_alive(&self) -> bool {
        self.connection.status().connected() && self.channel.status().connected()
    }

    fn is_blocked(&self) -> bool {
        self.connection.status().blocked()
    }
}

/// Pauses between attempts to connect: at most some seconds, because each costs the broker little.
pub(super) fn pauses() -> impl Iterator<Item = Duration> {
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
        Publisher { broker, topology, link: ArcSwapOption::empty(), status, observer }
    }

    /// How the connection is.
    pub(super) fn status(&self) -> BrokerStatus {
        (*self.status.get()).clone()
    }

    /// Keeps a connection open for ever.
    pub(super) async fn run(&self) {
        // An earlier run was dropped where it stood.
        self.link.store(None);
        let mut waits = pauses();
        loop {
            match self.open().await {
                Ok(link) => {
                    waits = pauses();
                    let link = Arc::new(link);
                    self.link.store(Some(link.clone()));
                    self.watch(&link).await;
                    self.link.store(None);
                }
                Err(error) => self.lost(&error.to_string()),
            }
            sleep(waits.next().unwrap_or(LOOK)).await;
        }
    }

    async fn open(&self) -> Result<Link, AmqpError> {
        let at = self.broker.address();
        let connection = self.broker.connect("publishes").await?;
        self.topology.declare(&connection, &at).await?;
        let broken = |error: lapin::Error| AmqpError::connecting(&at, &error);
        let channel = connection.create_channel().await.map_err(broken)?;
        channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(broken)?;
        Ok(Link { connection, channel, given_up: Notify::new() })
    }

    /// Shows how the connection is until it ends.
    async fn watch(&self, link: &Link) {
        while link.is_alive() {
            match link.is_blocked() {
                true => self.lost("the broker blocks publishers: it is short of memory or disk space"),
                false => self.found(),
            }
            tokio::select! {
                () = link.given_up.notified() => break,
                () = sleep(LOOK) => {}
            }
        }
        self.lost("the connection to the broker broke off");
    }

    fn found(&self) {
        if !self.status.get().connected {
            tracing::info!(broker = self.broker.address(), "backfill jobs go to the broker");
            self.status.set(BrokerStatus { connected: true, detail: String::new() });
        }
    }

    fn lost(&self, detail: &str) {
        let before = self.status.get();
        if before.connected || before.detail != detail {
            tracing::warn!(detail, "backfill jobs do not go to the broker");
            self.status.set(BrokerStatus { connected: false, detail: detail.to_owned() });
        }
    }

    /// Sends a message into a queue; it is kept when this returns.
    pub(super) async fn send(&self, queue: &str, parcel: &AmqpMessage) -> Result<(), QueueError> {
        let unavailable = |detail: String| QueueError::Unavailable(detail);
        let link = self.link.load_full().filter(|link| link.is_alive() && !link.is_blocked());
        let link = link.ok_or_else(|| unavailable(self.status.get().detail.clone()))?;
        let sent = match timeout(CONFIRM_LIMIT, self.send_over(&link, queue, parcel)).await {
            Ok(sent) => sent,
            Err(_) => {
                // A blocked connection is good again as soon as the broker says so.
                if !link.is_blocked() {
                    link.given_up.notify_one();
                }
                Err(format!("the broker did not confirm within {} s", CONFIRM_LIMIT.as_secs()))
            }
        };
        self.observer.on_event(QueueEvent::MessagePublished { confirmed: sent.is_ok() });
        sent.map_err(unavailable)
    }

    async fn send_over(&self, link: &Link, queue: &str, parcel: &AmqpMessage) -> Result<(), String> {
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let (exchange, key) = (short(&self.topology.exchange), short(queue));
        let properties = parcel.properties.clone();
        let sent = link.channel.basic_publish(exchange, key, options, &parcel.body, properties).await;
        let confirmed = sent.map_err(|error| describe(&error))?.await.map_err(|error| describe(&error))?;
        match confirmed {
            Confirmation::Ack(None) => Ok(()),
            Confirmation::Ack(Some(_)) => {
                // Somebody deleted the queue; it is declared again with the next connection.
                link.given_up.notify_one();
                Err(format!("queue \"{queue}\" is missing"))
            }
            Confirmation::Nack(_) | Confirmation::NotRequested => {
                Err("the broker refused the message".into())
            }
        }
    }
}
