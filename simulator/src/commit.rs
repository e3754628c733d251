//! A commit, as tests describe it.

use jiff::Timestamp;

use crate::stamp;

/// A commit; its parent is whatever it is pushed onto, unless it says otherwise.
#[derive(Debug, Clone)]
pub struct Commit {
    pub(crate) sha: Option<String>,
    pub(crate) author: Option<String>,
    pub(crate) authored_at: Timestamp,
    pub(crate) committed_at: Timestamp,
    pub(crate) additions: u64,
    pub(crate) deletions: u64,
    pub(crate) files: u32,
    pub(crate) merges: Vec<String>,
    pub(crate) message: String,
}

impl Commit {
    /// A one-file commit by `author`, authored and committed at `at`.
    pub fn new(author: &str, at: Timestamp) -> Self {
        Self {
            sha: None,
            author: Some(author.to_owned()),
            authored_at: stamp::whole(at),
            committed_at: stamp::whole(at),
            additions: 1,
            deletions: 0,
            files: 1,
            merges: Vec::new(),
            message: "Change something".to_owned(),
        }
    }

    /// A commit that GitHub links to no account.
    pub fn unlinked(at: Timestamp) -> Self {
        Self { author: None, ..Self::new("", at) }
    }

    /// A merge commit: besides what it is pushed onto, `other` is its parent.
    pub fn merge(author: &str, at: Timestamp, other: &str) -> Self {
        Self { merges: vec![other.to_owned()], additions: 0, files: 0, ..Self::new(author, at) }
    }

    /// Lines added and deleted. A merge may claim some: GitHub's diff against the first parent does.
    pub fn lines(mut self, additions: u64, deletions: u64) -> Self {
        (self.additions, self.deletions) = (additions, deletions);
        self
    }

    /// Number of files changed.
    pub fn files(mut self, files: u32) -> Self {
        self.files = files;
        self
    }

    /// When it was written, where that differs from when it was committed.
    pub fn authored_at(mut self, at: Timestamp) -> Self {
        self.authored_at = stamp::whole(at);
        self
    }

    /// Its object name; made up when not given.
    pub fn sha(mut self, sha: &str) -> Self {
        self.sha = Some(sha.to_owned());
        self
    }

    /// Its message.
    pub fn message(mut self, message: &str) -> Self {
        self.message = message.to_owned();
        self
    }
}
