//! An issue, as tests describe it.

use jiff::Timestamp;

use crate::stamp;

/// An issue that is no pull request.
#[derive(Debug, Clone)]
pub struct Issue {
    pub(crate) number: Option<u64>,
    pub(crate) author: Option<String>,
    pub(crate) title: String,
    pub(crate) created_at: Timestamp,
    pub(crate) closed_at: Option<Timestamp>,
}

impl Issue {
    /// An open issue by `author`.
    pub fn new(author: &str, created_at: Timestamp) -> Self {
        Self {
            number: None,
            author: Some(author.to_owned()),
            title: "Something is wrong".to_owned(),
            created_at: stamp::whole(created_at),
            closed_at: None,
        }
    }

    /// An issue whose author deleted the account.
    pub fn by_ghost(created_at: Timestamp) -> Self {
        Self { author: None, ..Self::new("", created_at) }
    }

    /// Its number; the next free one when not given.
    pub fn number(mut self, number: u64) -> Self {
        self.number = Some(number);
        self
    }

    /// The spelling of its state at `now` in GraphQL.
    pub(crate) fn state_at(&self, now: Timestamp) -> &'static str {
        if self.closed_at.is_some_and(|at| at <= now) { "CLOSED" } else { "OPEN" }
    }

    /// When it is closed.
    pub fn closed_at(mut self, at: Timestamp) -> Self {
        self.closed_at = Some(stamp::whole(at));
        self
    }
}
