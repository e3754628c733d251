//! A review of a pull request.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::stamp;

/// The states of a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReviewState {
    /// The change was approved.
    Approved,
    /// Changes were requested.
    ChangesRequested,
    /// Comments only.
    Commented,
    /// Dismissed by a maintainer.
    Dismissed,
    /// Not submitted: visible to its author only, without submission time.
    Pending,
}

impl ReviewState {
    /// The state as GitHub spells it.
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

/// A review and when it is submitted.
#[derive(Debug, Clone)]
pub struct Review {
    pub(crate) id: u64,
    pub(crate) number: u64,
    pub(crate) author: Option<String>,
    pub(crate) state: ReviewState,
    /// When it is submitted or, while pending, started.
    pub(crate) at: Timestamp,
}

impl Review {
    /// A review by `author`, submitted (or, if pending, started) at `at`.
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

    /// A review by a deleted account.
    pub fn by_ghost(state: ReviewState, at: Timestamp) -> Self {
        Self { author: None, ..Self::new("", state, at) }
    }
}
