//! A review of a pull request.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::stamp;

/// What a review says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReviewState {
    /// The change may go in.
    Approved,
    /// The change may not go in yet.
    ChangesRequested,
    /// Remarks only.
    Commented,
    /// Withdrawn by a maintainer.
    Dismissed,
    /// Not submitted: only its author sees it, and it has no submission time.
    Pending,
}

impl ReviewState {
    /// The spelling of GitHub's answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "APPROVED",
            Self::ChangesRequested => "CHANGES_REQUESTED",
            Self::Commented => "COMMENTED",
            Self::Dismissed => "DISMISSED",
            Self::Pending => "PENDING",
        }
    }
}

/// A review and its time.
#[derive(Debug, Clone)]
pub struct Review {
    pub(crate) id: u64,
    pub(crate) number: u64,
    pub(crate) author: Option<String>,
    pub(crate) state: ReviewState,
    /// When it was submitted or, while pending, begun.
    pub(crate) at: Timestamp,
}

impl Review {
    /// A review by `author`, submitted (or, when pending, begun) at `at`.
    pub fn new(author: &str, state: ReviewState, at: Timestamp) -> Self {
        Self { id: 0, number: 0, author: Some(author.to_owned()), state, at: stamp::whole(at) }
    }

    /// An approval.
    pub fn approved(author: &str, at: Timestamp) -> Self {
        Self::new(author, ReviewState::Approved, at)
    }

    /// A review that is never submitted.
    pub fn pending(author: &str, at: Timestamp) -> Self {
        Self::new(author, ReviewState::Pending, at)
    }

    /// A review whose author deleted the account.
    pub fn by_ghost(state: ReviewState, at: Timestamp) -> Self {
        Self { author: None, ..Self::new("", state, at) }
    }
}
