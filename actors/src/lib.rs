//! The domain of github-stats, as actors in a supervision tree.
//!
//! This crate knows no network, no HTTP and no vendor: it asks for what it needs through ports,
//! small traits in the modules that use them, which the service implements with adapters. Each
//! module may import the modules above it in this list, and no other:

pub mod activity;
pub mod clock;
pub mod observer;
pub mod spans;

pub mod role;
pub mod store;

pub mod source;

pub mod loc;
pub mod maintenance;
pub mod queue;

pub mod scheduler;

pub mod events;
pub mod fleet;
pub mod health;
