//! github-stats: contributor activity of whole GitHub organisations, served to Prometheus.

pub mod exposition;
pub mod http;
pub mod telemetry;
