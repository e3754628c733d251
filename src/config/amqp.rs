//! The section `amqp`.

use std::path::PathBuf;

use super::checks::Checks;
use super::section::section;
use super::{ConfigError, Secret, SecretSource};

section! {
    /// The message broker that carries backfill jobs between replicas.
    pub struct AmqpConfig {
        /// URL of RabbitMQ, `amqp://user:password@host:5672/vhost` or `amqps://…`; empty: jobs are
        /// queued in memory.
        url: Secret = Secret::default(),
        /// File that contains `url`, read again when it changes.
        url_file: Option<PathBuf> = None,
        /// Name of the durable direct exchange.
        exchange: String = "gh.backfill".to_owned(),
        /// Name of the job queue, and its routing key.
        queue: String = "gh.backfill.jobs".to_owned(),
        /// Name of the dead-letter queue.
        dlq: String = "gh.backfill.dlq".to_owned(),
    }
}

impl AmqpConfig {
    /// The broker's URL; `None` if jobs are queued in memory.
    #[must_use]
    pub fn url(&self) -> Option<SecretSource> {
        SecretSource::of(&self.url, self.url_file.as_deref())
    }

    pub(super) fn check(&self, checks: &mut Checks<'_>) -> Result<(), ConfigError> {
        checks.not_both("amqp.url", !self.url.is_empty(), self.url_file.is_some())?;
        let valid = self.url.is_empty() || is_amqp_url(self.url.expose());
        checks.require(valid, &["amqp.url"], || {
            // The value contains a password, so it is not repeated.
            "amqp.url must look like amqp://user:password@host:5672/vhost or amqps://…".to_owned()
        })?;
        for (key, name) in
            [("amqp.exchange", &self.exchange), ("amqp.queue", &self.queue), ("amqp.dlq", &self.dlq)]
        {
            // Delay queues append to the name, and AMQP limits names to 255 bytes.
            let usable = !name.trim().is_empty() && name.len() <= 200 && !name.starts_with("amq.");
            checks.require(usable, &[key], || {
                format!("{key} must be a name of 1 to 200 bytes that does not start with \"amq.\", but is {name:?}")
            })?;
        }
        checks.require(self.queue != self.dlq, &["amqp.dlq", "amqp.queue"], || {
            format!("amqp.dlq and amqp.queue are both {:?}, but dead letters need a separate queue", self.dlq)
        })
    }
}

fn is_amqp_url(url: &str) -> bool {
    let rest = url.strip_prefix("amqp://").or_else(|| url.strip_prefix("amqps://"));
    let authority = rest.and_then(|rest| rest.split(['/', '?']).next()).unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    !host.is_empty() && !host.starts_with(':') && !url.contains(char::is_whitespace)
}
