//! The reference documentation of all keys, generated from the sections.

use super::Config;
use super::section::variable_of;
use super::value::ConfigValue;

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

/// All keys in the order of the sections.
#[must_use]
pub fn entries() -> Vec<ReferenceEntry> {
    let mut entries = Vec::new();
    Config::default().describe("", "", &mut entries);
    entries
}

/// The table of all keys, as in `docs/CONFIGURATION.md`.
#[must_use]
pub fn table() -> String {
    let mut text = String::new();
    let mut section = String::new();
    for entry in entries() {
        let (of, _) = entry.key.rsplit_once('.').unwrap_or_default();
        if of != section {
            of.clone_into(&mut section);
            text.push_str(&format!(
                "\n### `{section}`\n\n| key | type | default | meaning |\n|---|---|---|---|\n"
            ));
        }
        let default = entry.default.replace('|', "\\|");
        text.push_str(&format!("| `{}` | {} | `{default}` | {} |\n", entry.key, entry.kind, entry.meaning));
    }
    text
}
