//! github-stats: contributor activity of whole GitHub organisations, served to Prometheus.

pub mod config;
pub mod github;
pub mod runtime;
pub mod store;
