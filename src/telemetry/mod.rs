//! Operational metrics, traces and logs of the process.

pub mod catalogue;
mod derived;
mod gather;
mod github_metrics;
mod http_metrics;
mod instruments;
mod loc_sources;
mod logging;
mod machine;
mod metrics;
mod otel;
mod own_families;
mod queue_names;
mod scrapes;
mod store_metrics;
mod traced_format;
mod vectors;

pub use derived::series_families;
pub use github_metrics::GithubMetrics;
pub use http_metrics::HttpMetrics;
pub use loc_sources::LocSources;
pub use logging::{LogFormat, LoggingError, init};
pub use machine::{memory_limit, resident_memory};
pub use metrics::{Build, Metrics, MetricsError};
pub use otel::{Otel, OtelError, OtelSettings};
pub use own_families::own_families;
pub use queue_names::QueueNames;
pub use scrapes::{ScrapeReport, Scrapes};
pub use store_metrics::StoreMeter;
