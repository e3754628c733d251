//! Where backfill jobs wait: RabbitMQ, and this replica's memory and disk while that is away.

pub mod amqp;
mod fallback;
mod outbox;
#[cfg(test)]
mod testing;
mod traced;
mod upkeep;

pub use fallback::FallbackQueue;
pub use outbox::{Outbox, OutboxError, Unsent};
pub use traced::TracedQueue;
pub use upkeep::{Errand, Upkeep};
