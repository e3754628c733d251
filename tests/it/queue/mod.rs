//! Backfill on a real RabbitMQ.

pub mod backfill_fixture;
mod connections;
mod contract;
mod dead_letters;
mod fixture;
mod measurements;
pub mod operator;
mod outages;
mod outbox;
