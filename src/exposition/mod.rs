//! What `/metrics` says, as bytes: a small model of metric families, the two text formats, compression and the cache
//! that makes a scrape of a million series cost little more than sending them.

mod activity;
mod cache;
mod coding;
mod desc;
mod encoded;
mod escape;
mod family;
mod format;
mod number;
mod page;
mod quality;
mod text;

#[cfg(test)]
pub(crate) mod testing;

pub use activity::{ACTIVITY, SeriesCounts};
pub use cache::{ActivityCache, EncodeError};
pub use coding::Coding;
pub use desc::Desc;
pub use encoded::Encoded;
pub use family::{Family, Histogram, Kind, Sample, Value, merged};
pub use format::Format;
pub use page::Page;
pub use text::encode;
