//! Acceptance and fault-injection tests: the real binary against real servers and the simulator.
//!
//! Tests that need a server or a tool are ignored by a plain `cargo test`, with the reason;
//! `tests/run` runs them.

mod acceptance;
mod admin;
mod backup;
mod chaos;
mod command_line;
mod election;
mod exposition;
mod github;
mod queue;
mod redis;
mod replicas;
mod store;
mod support;
mod telemetry;
