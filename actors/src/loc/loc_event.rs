//! What collecting lines of code reports to its observer.

use crate::activity::{OrgName, RepoName};

/// Where a repository's lines of code come from, for metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocSource {
    pub repo: RepoName,
    /// One of [`LocSourceMode::NAMES`](super::LocSourceMode::NAMES).
    pub mode: &'static str,
    /// Whether the lines of some of its commits are missing.
    pub incomplete: bool,
}

/// An event of collecting lines of code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocEvent {
    /// A round ended; these are the current sources of all repositories with commits.
    RoundFinished { org: OrgName, repositories: Vec<LocSource> },
    /// The hour's budget of requests for single commits is used up; reported once an hour at most.
    BudgetExhausted { org: OrgName },
}
