//! The domain of github-stats and the supervision tree it lives in.
//!
//! This crate knows no network, no HTTP and no vendor: what it needs of the world it asks for through ports, small
//! traits in the room that uses them, which the service implements with adapters.

pub mod activity;
pub mod clock;
pub mod event;
pub mod fleet;
pub mod health;
pub mod loc;
pub mod maintenance;
pub mod queue;
pub mod role;
pub mod scheduler;
pub mod spans;
pub mod store;
