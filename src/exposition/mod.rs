//! The content of `/metrics` as bytes: a small model of metric families, the two text formats,
//! compression, and the editions that make a scrape of a million series cost little more than
//! sending them.

mod activity;
mod chunk;
mod coding;
mod compress;
mod desc;
mod edition;
mod encoded;
mod encoder;
mod escape;
mod exposition_actor;
mod family;
mod format;
mod number;
mod page;
mod pages;
mod quality;
mod text;

#[cfg(test)]
pub(crate) mod testing;

pub use activity::{ACTIVITY, ACTIVITY_FAMILIES, ActivityFamily, SeriesCounts};
pub use coding::ContentCoding;
pub use desc::Desc;
pub use edition::Edition;
pub use encoded::Encoded;
pub use encoder::Encoder;
pub use exposition_actor::ExpositionActor;
pub use family::{Histogram, MetricFamily, MetricKind, MetricSample, MetricValue, merged};
pub use format::ExpositionFormat;
pub use page::MetricsPage;
pub use pages::ActivityPages;
pub use text::encode;
