//! An issue, as tests define it.

use jiff::Timestamp;

use crate::stamp;

/// An issue that is not a pull request.
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

    /// An issue by a deleted account.
    pub fn by_ghost(created_at: Timestamp) -> Self {
        Self { author: None, ..Self::new("", created_at) }
    }

    /// Sets the number; the next free one by default.
    pub fn number(mut self, number: u64) -> Self {
        self.number = Some(number);
        self
    }

    /// The state at `now`, as GraphQL spells it.
    pub(crate) fn state_at(&self, now: Timestamp) -> &'static str {
        if self.closed_at.is_some_and(|at| at <= now) { "CLOSED" } else { "OPEN" }
    }

    /// Sets when it is closed.
    pub fn closed_at(mut self, at: Timestamp) -> Self {
        self.closed_at = Some(stamp::whole(at));
        self
    }
}
