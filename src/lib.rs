//! github-stats.

pub mod store;
