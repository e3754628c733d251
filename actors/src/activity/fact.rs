//! One activity and its identity.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{LocChange, Login, Timestamp};

/// The kind of an activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactKind {
    /// A commit reachable from the default branch; merge commits count but add no lines.
    Commit,
    /// A pull request was opened.
    PrOpened,
    /// A pull request was merged; credited to its author.
    PrMerged,
    /// A review was submitted. Pending reviews are not facts.
    Review,
    /// A comment on an issue or on the conversation of a pull request.
    IssueComment,
}

impl FactKind {
    /// Every kind, in the order of the exposition.
    pub const ALL: [FactKind; 5] =
        [FactKind::Commit, FactKind::PrOpened, FactKind::PrMerged, FactKind::Review, FactKind::IssueComment];

    /// Its name in records, logs and files.
    pub fn as_str(self) -> &'static str {
        match self {
            FactKind::Commit => "commit",
            FactKind::PrOpened => "pr_opened",
            FactKind::PrMerged => "pr_merged",
            FactKind::Review => "review",
            FactKind::IssueComment => "issue_comment",
        }
    }
}

/// A Git object id (SHA-1, the only kind that GitHub serves).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid([u8; 20]);

impl Oid {
    /// The id with these bytes.
    pub const fn from_bytes(bytes: [u8; 20]) -> Self {
        Oid(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Oid({self})")
    }
}

impl FromStr for Oid {
    type Err = ParseFactIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || ParseFactIdError(text.chars().take(64).collect());
        if text.len() != 40 || !text.is_ascii() {
            return Err(malformed());
        }
        let mut bytes = [0; 20];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| malformed())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| malformed())?;
        }
        Ok(Oid(bytes))
    }
}

impl TryFrom<String> for Oid {
    type Error = ParseFactIdError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl Serialize for Oid {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Oid {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A text is not a fact id.
#[derive(Debug, thiserror::Error)]
#[error("\"{0}\" is neither a commit id of 40 hexadecimal digits nor a kind and number")]
pub struct ParseFactIdError(String);

/// The identity of a fact within its repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FactId {
    /// A commit by its object id.
    Commit(Oid),
    /// The opening of the pull request with this number.
    PrOpened(u64),
    /// The merge of the pull request with this number.
    PrMerged(u64),
    /// A review by its REST id.
    Review(u64),
    /// A comment by its REST id.
    IssueComment(u64),
}

impl FactId {
    /// The kind of the fact.
    pub fn kind(self) -> FactKind {
        match self {
            FactId::Commit(_) => FactKind::Commit,
            FactId::PrOpened(_) => FactKind::PrOpened,
            FactId::PrMerged(_) => FactKind::PrMerged,
            FactId::Review(_) => FactKind::Review,
            FactId::IssueComment(_) => FactKind::IssueComment,
        }
    }

    /// The identity of a fact of a numbered kind; `None` for [`FactKind::Commit`].
    pub fn numbered(kind: FactKind, number: u64) -> Option<FactId> {
        match kind {
            FactKind::Commit => None,
            FactKind::PrOpened => Some(FactId::PrOpened(number)),
            FactKind::PrMerged => Some(FactId::PrMerged(number)),
            FactKind::Review => Some(FactId::Review(number)),
            FactKind::IssueComment => Some(FactId::IssueComment(number)),
        }
    }

    fn number(self) -> Option<u64> {
        match self {
            FactId::Commit(_) => None,
            FactId::PrOpened(n) | FactId::PrMerged(n) | FactId::Review(n) | FactId::IssueComment(n) => {
                Some(n)
            }
        }
    }
}

/// `kind:id`, the form used in files and logs.
impl fmt::Display for FactId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.number()) {
            (FactId::Commit(oid), _) => write!(f, "commit:{oid}"),
            (_, number) => write!(f, "{}:{}", self.kind().as_str(), number.unwrap_or_default()),
        }
    }
}

impl FromStr for FactId {
    type Err = ParseFactIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || ParseFactIdError(text.chars().take(64).collect());
        let (kind, id) = text.split_once(':').ok_or_else(malformed)?;
        let kind = FactKind::ALL.into_iter().find(|k| k.as_str() == kind).ok_or_else(malformed)?;
        match kind {
            FactKind::Commit => Ok(FactId::Commit(id.parse()?)),
            kind => FactId::numbered(kind, id.parse().map_err(|_| malformed())?).ok_or_else(malformed),
        }
    }
}

/// One activity as GitHub reports it. Its `id` is unique within its repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    pub id: FactId,
    /// Who gets the credit.
    pub user: Login,
    /// The committer date of a commit, the creation or merge of a pull request, the submission of a
    /// review, the creation of a comment.
    pub at: Timestamp,
    /// Lines of code changed; zero for merge commits and everything that is not a commit.
    pub loc: LocChange,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_id_survives_formatting_and_parsing(bytes in any::<[u8; 20]>(), number in any::<u64>(), kind in 1usize..5) {
            let commit = FactId::Commit(Oid::from_bytes(bytes));
            prop_assert_eq!(commit.to_string().parse::<FactId>().unwrap(), commit);
            let numbered = FactId::numbered(FactKind::ALL[kind], number).unwrap();
            prop_assert_eq!(numbered.to_string().parse::<FactId>().unwrap(), numbered);
            prop_assert_eq!(numbered.kind(), FactKind::ALL[kind]);
        }

        #[test]
        fn arbitrary_text_is_refused_without_panicking(text in ".*") {
            let _ = text.parse::<FactId>();
            prop_assert!(text.parse::<Oid>().is_err() || text.len() == 40);
        }
    }
}
