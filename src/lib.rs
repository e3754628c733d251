//! github-stats.

pub mod config;
