//! What the process tells of itself: operational metrics, and logs.

pub mod catalogue;
mod collect;
mod derived;
mod gather;
mod github_metrics;
mod http_metrics;
mod line_sources;
mod logging;
mod machine;
mod metrics;
mod scrapes;
mod sources;
mod vectors;

pub use collect::collect;
pub use github_metrics::GithubMetrics;
pub use http_metrics::HttpMetrics;
pub use line_sources::LineSources;
pub use logging::{LogFormat, LoggingError, init};
pub use metrics::{Build, Metrics, MetricsError};
pub use scrapes::{ScrapeReport, Scrapes};
pub use sources::{Dependency, DiskFree, Quotas, Sources};
