//! github-stats: contributor activity of whole GitHub organisations, served to Prometheus.

mod admin_api;
pub mod backup;
pub mod cli;
pub mod config;
pub mod disk;
pub mod election;
pub mod exposition;
pub mod fleet;
pub mod github;
pub mod http;
pub mod human;
pub mod meter;
pub mod queue;
pub mod redis;
pub mod replica;
pub mod runtime;
pub mod slo;
pub mod store;
pub mod telemetry;
