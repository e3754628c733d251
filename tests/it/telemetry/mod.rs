//! Traces and metrics as a collector receives them, from the real binary.

mod activity;
mod backfill;
mod metrics;
mod outages;
mod receiver;
mod stage;
mod tls;
mod traces;
