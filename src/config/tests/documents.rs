//! The documentation matches the code.

use std::collections::BTreeSet;

use super::super::value::ConfigValue;
use super::super::{Config, OrgConfig, reference};
use super::in_package;

const BEGIN: &str = "<!-- keys: begin -->\n";
const END: &str = "<!-- keys: end -->";
/// Set to write the table instead of comparing it.
const WRITE: &str = "GITHUB_STATS_WRITE_DOCS";

#[test]
fn the_document_contains_the_generated_table() {
    let path = in_package("docs/CONFIGURATION.md");
    let document = std::fs::read_to_string(&path).expect("docs/CONFIGURATION.md is readable");
    let start = document.find(BEGIN).expect("the table begins") + BEGIN.len();
    let end = document.find(END).expect("the table ends");
    if std::env::var_os(WRITE).is_some() {
        let written = format!("{}{}\n{}", &document[..start], reference::table(), &document[end..]);
        std::fs::write(&path, written).expect("docs/CONFIGURATION.md is writable");
        return;
    }
    assert_eq!(
        document[start..end].trim(),
        reference::table().trim(),
        "docs/CONFIGURATION.md is out of date: run this test once with {WRITE}=1",
    );
}

#[test]
fn exactly_the_serialised_keys_are_documented() {
    let documented: BTreeSet<String> = reference::entries().into_iter().map(|entry| entry.key).collect();
    let mut serialised = BTreeSet::new();
    for (section, keys) in Config::default().encode().as_object().expect("sections") {
        serialised.extend(keys.as_object().expect("keys").keys().map(|key| format!("{section}.{key}")));
    }
    let org = OrgConfig::default().encode();
    serialised.extend(org.as_object().expect("keys").keys().map(|key| format!("github.orgs[].{key}")));
    assert_eq!(documented, serialised);
}

#[test]
fn every_key_has_a_description_and_a_variable() {
    for entry in reference::entries() {
        assert!(entry.meaning.ends_with('.'), "{entry:?}");
        assert!(entry.variable().starts_with("GITHUB_STATS__"), "{entry:?}");
        assert!(!entry.variable().contains(['.', '[']), "{entry:?}");
    }
}
