//! A repository's weekly contributor statistics, as GitHub computes them.

use crate::activity::{LocChange, Login, Timestamp};

/// What one author contributed to a repository in one week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorWeek {
    pub user: Login,
    /// The beginning of the week, a Sunday at 00:00 UTC.
    pub week: Timestamp,
    /// Commits, merge commits not included.
    pub commits: u64,
    /// The lines of code of these commits.
    pub loc: LocChange,
}

/// The answer to a request for the weekly statistics of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statistics {
    /// They are being computed; asking again later will give them.
    Computing,
    /// One entry for each author and week with a commit.
    Ready(Vec<AuthorWeek>),
}
