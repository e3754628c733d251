//! The queue of backfill jobs: RabbitMQ, and this replica's memory and disk while the broker is
//! unavailable.

pub mod amqp;
mod background_task;
mod fallback;
mod outbox;
mod outbox_message;
#[cfg(test)]
mod testing;
mod traced;

pub use background_task::{BackgroundTask, TaskFactory};
pub use fallback::FallbackQueue;
pub use outbox::{Outbox, OutboxError};
pub use outbox_message::OutboxMessage;
pub use traced::TracedQueue;
