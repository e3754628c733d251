//! Backfill jobs on RabbitMQ, over AMQP 0-9-1 and nothing else.

mod broker;
mod consumer;
mod delivery;
mod letter_box;
mod link_error;
mod message;
mod publisher;
mod queue;
mod topology;

pub use broker::Broker;
pub use letter_box::LetterBox;
pub use link_error::LinkError;
pub use queue::AmqpQueue;
pub use topology::Topology;
