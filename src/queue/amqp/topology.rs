//! The names of the exchange and the queues, and their declaration.

use std::time::Duration;

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, Connection, ExchangeKind};

use super::AmqpError;
use crate::config::Config;

/// One durable direct exchange and durable queues: one of jobs, one of dead letters, and one per
/// delay, from which expired messages are dead-lettered back to the job queue. Each queue is bound
/// with its own name as the routing key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology {
    /// The name of the exchange.
    pub exchange: String,
    /// The name of the job queue.
    pub jobs: String,
    /// The name of the dead-letter queue.
    pub dead_letters: String,
    /// The delays of the retry queues, in ascending order.
    delays: Vec<Duration>,
}

impl Topology {
    /// The names in the configuration section `amqp`, with the delays of `backfill.requeue_delays`.
    pub fn of(config: &Config) -> Self {
        let amqp = &config.amqp;
        Self::new(&amqp.exchange, &amqp.queue, &amqp.dlq, &config.backfill.requeue_delays)
    }

    pub fn new(exchange: &str, jobs: &str, dead_letters: &str, delays: &[Duration]) -> Self {
        let mut delays: Vec<Duration> =
            delays.iter().map(|delay| Duration::from_millis(milliseconds(*delay).into())).collect();
        delays.sort_unstable();
        delays.dedup();
        let (exchange, jobs, dead_letters) = (exchange.into(), jobs.into(), dead_letters.into());
        Topology { exchange, jobs, dead_letters, delays }
    }

    /// The queue for a message that is to be delivered after `delay`: the one with the shortest
    /// sufficient delay, or else the one with the longest.
    pub fn route(&self, delay: Duration) -> String {
        let longest = self.delays.last().filter(|_| !delay.is_zero());
        let sufficient = self.delays.iter().find(|of_queue| !delay.is_zero() && **of_queue >= delay);
        sufficient.or(longest).map_or_else(|| self.jobs.clone(), |delay| self.retry_queue(*delay))
    }

    fn retry_queue(&self, delay: Duration) -> String {
        format!("{}.retry.{}", self.exchange, label(delay))
    }

    /// All queues with their arguments.
    fn queues(&self) -> Vec<(String, FieldTable)> {
        let plain = [&self.jobs, &self.dead_letters].map(|name| (name.clone(), FieldTable::default()));
        let delayed = self.delays.iter().map(|delay| {
            let mut arguments = FieldTable::default();
            let back = |name: &str| AMQPValue::LongString(name.into());
            arguments.insert("x-message-ttl".into(), AMQPValue::LongLongInt(milliseconds(*delay).into()));
            arguments.insert("x-dead-letter-exchange".into(), back(&self.exchange));
            arguments.insert("x-dead-letter-routing-key".into(), back(&self.jobs));
            (self.retry_queue(*delay), arguments)
        });
        plain.into_iter().chain(delayed).collect()
    }

    /// Creates the exchange and the queues that do not exist. `address` is that of the broker, for
    /// errors.
    ///
    /// # Errors
    /// [`AmqpError::Mismatch`] if one of them exists with other arguments.
    pub async fn declare(&self, connection: &Connection, address: &str) -> Result<(), AmqpError> {
        let failed = |error: lapin::Error| AmqpError::connecting(address, &error);
        let channel = connection.create_channel().await.map_err(failed)?;
        let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let (name, arguments) = (short(&self.exchange), FieldTable::default());
        let declared = channel.exchange_declare(name, ExchangeKind::Direct, options, arguments).await;
        declared.map_err(|error| {
            AmqpError::declaring(address, format!("exchange \"{}\"", self.exchange), &error)
        })?;
        for (name, arguments) in self.queues() {
            let declared = self.declare_queue(&channel, &name, arguments).await;
            declared.map_err(|error| AmqpError::declaring(address, format!("queue \"{name}\""), &error))?;
        }
        channel.close(200, "done".into()).await.map_err(failed)
    }

    async fn declare_queue(
        &self,
        channel: &Channel,
        name: &str,
        arguments: FieldTable,
    ) -> Result<(), lapin::Error> {
        let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        channel.queue_declare(short(name), options, arguments).await?;
        let (exchange, options) = (short(&self.exchange), QueueBindOptions::default());
        channel.queue_bind(short(name), exchange, short(name), options, FieldTable::default()).await
    }
}

/// An AMQP short string, which has at most 255 bytes. Configured names are shorter.
pub(super) fn short(text: &str) -> ShortString {
    let mut end = text.len().min(255);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].into()
}

/// A message TTL in milliseconds, at least 1, because 0 would expire messages at once.
fn milliseconds(delay: Duration) -> u32 {
    u32::try_from(delay.as_millis()).unwrap_or(u32::MAX).max(1)
}

/// A delay in the largest unit that divides it: `90s`, `5m`, `2h`.
fn label(delay: Duration) -> String {
    let ms = milliseconds(delay);
    match ms {
        _ if ms.is_multiple_of(3_600_000) => format!("{}h", ms / 3_600_000),
        _ if ms.is_multiple_of(60_000) => format!("{}m", ms / 60_000),
        _ if ms.is_multiple_of(1_000) => format!("{}s", ms / 1_000),
        _ => format!("{ms}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topology() -> Topology {
        let delays = [7_200, 60, 300, 1_800, 60].map(Duration::from_secs);
        Topology::new("gh.backfill", "gh.backfill.jobs", "gh.backfill.dlq", &delays)
    }

    #[test]
    fn a_message_is_routed_to_the_shortest_sufficient_delay() {
        let route = |seconds| topology().route(Duration::from_secs(seconds));
        assert_eq!(route(0), "gh.backfill.jobs");
        assert_eq!(route(1), "gh.backfill.retry.1m");
        assert_eq!(route(60), "gh.backfill.retry.1m");
        assert_eq!(route(61), "gh.backfill.retry.5m");
        assert_eq!(route(7_200), "gh.backfill.retry.2h");
        assert_eq!(route(86_400), "gh.backfill.retry.2h");
    }

    #[test]
    fn each_delay_has_one_queue_with_its_ttl() {
        let queues = topology().queues();
        let names: Vec<&str> = queues.iter().map(|(name, _)| name.as_str()).collect();
        let expected = ["jobs", "dlq", "retry.1m", "retry.5m", "retry.30m", "retry.2h"];
        assert_eq!(names, expected.map(|name| format!("gh.backfill.{name}")));
        let ttl = queues[2].1.inner().get("x-message-ttl");
        assert_eq!(ttl, Some(&AMQPValue::LongLongInt(60_000)));
        assert!(queues[0].1.inner().is_empty());
    }

    #[test]
    fn delays_are_written_in_one_unit() {
        let labels = [1, 1_500, 90_000, 60_000, 7_200_000].map(|ms| label(Duration::from_millis(ms)));
        assert_eq!(labels, ["1ms", "1500ms", "90s", "1m", "2h"]);
        assert_eq!(short(&"\u{1F980}".repeat(100)).as_str().len(), 252);
    }
}
