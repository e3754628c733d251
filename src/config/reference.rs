//! The reference documentation of every key, generated from the sections themselves.

use super::Config;
use super::section::variable_of;
use super::value::ConfigValue;

/// One key as the documentation shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceLine {
    /// The key with its path; `github.orgs[].org` for an item of a list.
    pub key: String,
    /// Its type.
    pub kind: String,
    /// Its default, as JSON.
    pub default: String,
    /// What it does.
    pub meaning: String,
}

impl ReferenceLine {
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

/// Every key with its type, default and meaning, in the order of the sections.
#[must_use]
pub fn lines() -> Vec<ReferenceLine> {
    let mut lines = Vec::new();
    Config::default().describe("", "", &mut lines);
    lines
}

/// The table of every key, as `docs/CONFIGURATION.md` contains it.
#[must_use]
pub fn table() -> String {
    let mut text = String::new();
    let mut section = String::new();
    for line in lines() {
        let (of, _) = line.key.rsplit_once('.').unwrap_or_default();
        if of != section {
            of.clone_into(&mut section);
            text.push_str(&format!(
                "\n### `{section}`\n\n| key | type | default | meaning |\n|---|---|---|---|\n"
            ));
        }
        let default = line.default.replace('|', "\\|");
        text.push_str(&format!("| `{}` | {} | `{default}` | {} |\n", line.key, line.kind, line.meaning));
    }
    text
}
