//! Acceptance and chaos tests: the real binary against real servers and the simulator.

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
