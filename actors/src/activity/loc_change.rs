//! Lines of code added and deleted.

use serde::{Deserialize, Serialize};

/// Lines of code added and deleted by a commit, or by a set of commits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LocChange {
    /// Lines added.
    pub additions: u64,
    /// Lines deleted.
    pub deletions: u64,
}
