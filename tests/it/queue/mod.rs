//! Backfill on a real RabbitMQ.

mod bench;
pub mod cluster;
mod contract;
mod letters;
mod links;
pub mod operator;
mod outages;
mod outbox;
mod stage;
