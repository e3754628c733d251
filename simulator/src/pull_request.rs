//! A pull request, as tests define it.

use jiff::Timestamp;

use crate::stamp;

/// A pull request and when it is opened, merged and closed.
#[derive(Debug, Clone)]
pub struct PullRequest {
    pub(crate) number: Option<u64>,
    pub(crate) author: Option<String>,
    pub(crate) title: String,
    pub(crate) created_at: Timestamp,
    pub(crate) merged_at: Option<Timestamp>,
    pub(crate) closed_at: Option<Timestamp>,
}

impl PullRequest {
    /// An open pull request by `author`.
    pub fn new(author: &str, created_at: Timestamp) -> Self {
        Self {
            number: None,
            author: Some(author.to_owned()),
            title: "Change something".to_owned(),
            created_at: stamp::whole(created_at),
            merged_at: None,
            closed_at: None,
        }
    }

    /// A pull request by a deleted account.
    pub fn by_ghost(created_at: Timestamp) -> Self {
        Self { author: None, ..Self::new("", created_at) }
    }

    /// Sets the number; the next free one by default.
    pub fn number(mut self, number: u64) -> Self {
        self.number = Some(number);
        self
    }

    /// Sets when it is merged, which closes it.
    pub fn merged_at(mut self, at: Timestamp) -> Self {
        self.merged_at = Some(stamp::whole(at));
        self.closed_at = self.merged_at;
        self
    }

    /// Sets when it is closed without a merge.
    pub fn closed_at(mut self, at: Timestamp) -> Self {
        self.closed_at = Some(stamp::whole(at));
        self
    }

    /// The state at `now`, as GraphQL spells it.
    pub(crate) fn state_at(&self, now: Timestamp) -> &'static str {
        let past = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        match (past(self.merged_at), past(self.closed_at)) {
            (true, _) => "MERGED",
            (false, true) => "CLOSED",
            (false, false) => "OPEN",
        }
    }

    /// Sets the title.
    pub fn title(mut self, title: &str) -> Self {
        self.title = title.to_owned();
        self
    }
}
