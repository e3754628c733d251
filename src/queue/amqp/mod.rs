//! Backfill jobs on RabbitMQ, using AMQP 0-9-1 only.

mod amqp_error;
mod broker;
mod consumer;
mod dead_letter_queue;
mod dead_letters;
mod delivery;
mod message;
mod publisher;
mod queue;
mod topology;

pub use amqp_error::AmqpError;
pub use broker::Broker;
pub use dead_letter_queue::DeadLetterQueue;
pub use dead_letters::AmqpDeadLetters;
pub use queue::AmqpQueue;
pub use topology::Topology;
