//! A comment on an issue or a pull request's conversation.

use jiff::Timestamp;

use crate::stamp;

/// A comment and when it was created, edited and deleted.
#[derive(Debug, Clone)]
pub struct Comment {
    pub(crate) id: u64,
    pub(crate) number: u64,
    pub(crate) author: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) edited_at: Option<Timestamp>,
    pub(crate) deleted_at: Option<Timestamp>,
}

impl Comment {
    /// A comment by `author`.
    pub fn new(author: &str, created_at: Timestamp) -> Self {
        Self {
            id: 0,
            number: 0,
            author: Some(author.to_owned()),
            created_at: stamp::whole(created_at),
            edited_at: None,
            deleted_at: None,
        }
    }

    /// A comment by a deleted account.
    pub fn by_ghost(created_at: Timestamp) -> Self {
        Self { author: None, ..Self::new("", created_at) }
    }

    /// Sets when it is edited, which changes its `updated_at`.
    pub fn edited_at(mut self, at: Timestamp) -> Self {
        self.edited_at = Some(stamp::whole(at));
        self
    }

    /// Sets when it is deleted.
    pub fn deleted_at(mut self, at: Timestamp) -> Self {
        self.deleted_at = Some(stamp::whole(at));
        self
    }

    /// Whether GitHub shows it at `now`.
    pub(crate) fn visible(&self, now: Timestamp) -> bool {
        self.created_at <= now && self.deleted_at.is_none_or(|at| at > now)
    }

    /// The last change that is visible at `now`.
    pub(crate) fn updated_at(&self, now: Timestamp) -> Timestamp {
        self.edited_at.filter(|at| *at <= now).unwrap_or(self.created_at)
    }
}
