//! What the process tells of itself: operational metrics, and logs.

pub mod catalogue;
mod collect;
mod derived;
mod fleet;
mod gather;
mod github_metrics;
mod http_metrics;
mod instruments;
mod loc_sources;
mod logging;
mod machine;
mod metrics;
mod organisations;
mod otel;
mod queue_names;
mod scrapes;
mod sources;
mod store_metrics;
mod traced_format;
mod unsent_counts;
mod vectors;

pub use collect::collect;
pub use fleet::{Fleet, FleetExchange, Peer, SharedQuota};
pub use github_metrics::GithubMetrics;
pub use http_metrics::HttpMetrics;
pub use loc_sources::LocSources;
pub use logging::{LogFormat, LoggingError, init};
pub use machine::{memory_limit, resident_memory};
pub use metrics::{Build, Metrics, MetricsError};
pub use organisations::{OrgReport, OrgReports};
pub use otel::{Otel, OtelError, OtelSettings};
pub use queue_names::QueueNames;
pub use scrapes::{ScrapeReport, Scrapes};
pub use sources::{Connections, Dependency, Quotas, Sources};
pub use store_metrics::StoreMeter;
