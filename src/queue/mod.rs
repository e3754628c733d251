//! Where backfill jobs wait: RabbitMQ, and this replica's memory and disk while that is away.

pub mod amqp;
mod background_task;
mod fallback;
mod outbox;
#[cfg(test)]
mod testing;
mod traced;

pub use background_task::{BackgroundTask, TaskFactory};
pub use fallback::FallbackQueue;
pub use outbox::{Outbox, OutboxError, Unsent};
pub use traced::TracedQueue;
