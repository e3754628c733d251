//! github-stats.
