//! The exchange and the queues: what they are called, and how they come to be.

use std::time::Duration;

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, Connection, ExchangeKind};

use super::AmqpError;
use crate::config::Config;

/// One durable direct exchange; a durable queue of jobs, one of dead letters, and one for each delay, from which
/// messages go back to the jobs when their time is over. Every queue is bound under its own name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology {
    /// The exchange.
    pub exchange: String,
    /// The queue of jobs.
    pub jobs: String,
    /// The queue of dead letters.
    pub dead_letters: String,
    /// The delays there are queues for, the shortest first.
    delays: Vec<Duration>,
}

impl Topology {
    /// The names of the section `amqp`, and the delays of `backfill.requeue_delays`.
    pub fn of(config: &Config) -> Self {
        let amqp = &config.amqp;
        Self::new(&amqp.exchange, &amqp.queue, &amqp.dlq, &config.backfill.requeue_delays)
    }

    /// These names and delays.
    pub fn new(exchange: &str, jobs: &str, dead_letters: &str, delays: &[Duration]) -> Self {
        let mut delays: Vec<Duration> =
            delays.iter().map(|delay| Duration::from_millis(milliseconds(*delay).into())).collect();
        delays.sort_unstable();
        delays.dedup();
        let (exchange, jobs, dead_letters) = (exchange.into(), jobs.into(), dead_letters.into());
        Topology { exchange, jobs, dead_letters, delays }
    }

    /// The queue in which a message waits that is to come after `delay`, or somewhat later; the one with the longest
    /// delay where none is long enough.
    pub fn route(&self, delay: Duration) -> String {
        let longest = self.delays.last().filter(|_| !delay.is_zero());
        let fitting = self.delays.iter().find(|there_is| !delay.is_zero() && **there_is >= delay);
        fitting.or(longest).map_or_else(|| self.jobs.clone(), |delay| self.retry_queue(*delay))
    }

    fn retry_queue(&self, delay: Duration) -> String {
        format!("{}.retry.{}", self.exchange, label(delay))
    }

    /// Every queue and its arguments.
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

    /// Creates what is missing.
    ///
    /// # Errors
    /// [`AmqpError::Mismatch`] where something of the name exists that is something else.
    pub async fn declare(&self, connection: &Connection, at: &str) -> Result<(), AmqpError> {
        let broken = |error: lapin::Error| AmqpError::connecting(at, &error);
        let channel = connection.create_channel().await.map_err(broken)?;
        let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let (name, arguments) = (short(&self.exchange), FieldTable::default());
        let declared = channel.exchange_declare(name, ExchangeKind::Direct, options, arguments).await;
        declared
            .map_err(|error| AmqpError::declaring(at, format!("exchange \"{}\"", self.exchange), &error))?;
        for (name, arguments) in self.queues() {
            let declared = self.declare_queue(&channel, &name, arguments).await;
            declared.map_err(|error| AmqpError::declaring(at, format!("queue \"{name}\""), &error))?;
        }
        channel.close(200, "done".into()).await.map_err(broken)
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

/// What AMQP calls a short string ends at 255 bytes; no configured name is longer.
pub(super) fn short(text: &str) -> ShortString {
    let mut end = text.len().min(255);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].into()
}

/// Brokers count in milliseconds, and no queue may let everything through at once.
fn milliseconds(delay: Duration) -> u32 {
    u32::try_from(delay.as_millis()).unwrap_or(u32::MAX).max(1)
}

/// The shortest way to write a delay in one unit: `90s`, `5m`, `2h`.
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
    fn a_message_waits_in_the_first_queue_that_is_long_enough() {
        let route = |seconds| topology().route(Duration::from_secs(seconds));
        assert_eq!(route(0), "gh.backfill.jobs");
        assert_eq!(route(1), "gh.backfill.retry.1m");
        assert_eq!(route(60), "gh.backfill.retry.1m");
        assert_eq!(route(61), "gh.backfill.retry.5m");
        assert_eq!(route(7_200), "gh.backfill.retry.2h");
        assert_eq!(route(86_400), "gh.backfill.retry.2h");
    }

    #[test]
    fn every_delay_has_one_queue_with_its_time_to_live() {
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
