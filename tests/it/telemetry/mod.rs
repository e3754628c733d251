//! Traces and metrics as a collector receives them, from the real binary.

mod activity;
mod backfill;
mod fixture;
mod metrics;
mod outages;
mod receiver;
mod tls;
mod traces;
