//! github-stats-actors.
