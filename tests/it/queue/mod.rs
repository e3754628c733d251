//! Backfill on a real RabbitMQ.

mod contract;
mod letters;
mod links;
mod outbox;
mod stage;
