//! Which repositories are collected.

use std::sync::Arc;

/// Decides by its name whether a repository is collected.
pub type RepoSelector = Arc<dyn Fn(&str) -> bool + Send + Sync>;
