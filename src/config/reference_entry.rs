//! One key of the reference documentation.

use super::key_path::variable_of;

/// One key of the reference documentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceEntry {
    /// The key with its path; `github.orgs[].org` for an item of a list.
    pub key: String,
    /// Its type.
    pub kind: String,
    /// Its default, as JSON.
    pub default: String,
    /// What it does.
    pub meaning: String,
}

impl ReferenceEntry {
    pub(super) fn new(key: &str, kind: String, default: &serde_json::Value, meaning: &str) -> Self {
        Self {
            key: key.to_owned(),
            kind,
            default: default.to_string(),
            meaning: meaning.split_whitespace().collect::<Vec<_>>().join(" "),
        }
    }

    /// The environment variable that overrides the key.
    #[must_use]
    pub fn variable(&self) -> String {
        variable_of(&self.key)
    }
}
