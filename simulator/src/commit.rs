//! A commit, as tests define it.

use jiff::Timestamp;

use crate::stamp;

/// A commit. Its parent is the commit that it is pushed onto.
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

    /// A commit that GitHub does not link to an account.
    pub fn unlinked(at: Timestamp) -> Self {
        Self { author: None, ..Self::new("", at) }
    }

    /// A merge commit: its parents are the commit it is pushed onto, and `other`.
    pub fn merge(author: &str, at: Timestamp, other: &str) -> Self {
        Self { merges: vec![other.to_owned()], additions: 0, files: 0, ..Self::new(author, at) }
    }

    /// Lines added and deleted. Merge commits may have some, as GitHub's diff against the first
    /// parent does.
    pub fn lines(mut self, additions: u64, deletions: u64) -> Self {
        (self.additions, self.deletions) = (additions, deletions);
        self
    }

    /// Sets the number of changed files.
    pub fn files(mut self, files: u32) -> Self {
        self.files = files;
        self
    }

    /// Sets the author date, if it differs from the committer date.
    pub fn authored_at(mut self, at: Timestamp) -> Self {
        self.authored_at = stamp::whole(at);
        self
    }

    /// Sets the object name; derived from the content by default.
    pub fn sha(mut self, sha: &str) -> Self {
        self.sha = Some(sha.to_owned());
        self
    }

    /// Sets the message.
    pub fn message(mut self, message: &str) -> Self {
        self.message = message.to_owned();
        self
    }
}
