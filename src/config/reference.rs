//! The reference documentation of all keys, generated from the sections.

pub use super::reference_entry::ReferenceEntry;
use super::settings::Config;
use super::value::ConfigValue;

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
