//! The values of the `queue` label.

use crate::config::AmqpConfig;

/// The configured names of the queues. They are the values of the `queue` label even if jobs wait
/// in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueNames {
    /// `amqp.queue`.
    pub jobs: String,
    /// `amqp.dlq`.
    pub dead_letters: String,
}

impl QueueNames {
    /// The names in the configuration section `amqp`.
    pub fn from_config(amqp: &AmqpConfig) -> Self {
        QueueNames { jobs: amqp.queue.clone(), dead_letters: amqp.dlq.clone() }
    }
}

impl Default for QueueNames {
    fn default() -> Self {
        Self::from_config(&AmqpConfig::default())
    }
}
