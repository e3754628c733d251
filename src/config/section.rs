//! The macro that declares a section: its keys, their types, defaults and documentation.

use super::node::{MappingEntry, Node, NodeContent};
use super::suggest::nearest;
use super::value::wrong_shape;
use super::{ConfigError, Origin, reference, yaml};

/// Declares a section of the configuration.
///
/// The struct, its defaults, the strict decoder and the reference documentation are generated from
/// one list of keys, so that they cannot disagree.
macro_rules! section {
    (
        $(#[$about:meta])+
        pub struct $name:ident {
            $( $(#[doc = $doc:literal])+ $key:ident: $kind:ty = $default:expr, )+
        }
    ) => {
        $(#[$about])+
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $( $(#[doc = $doc])+ pub $key: $kind, )+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $key: $default, )+ }
            }
        }

        impl $crate::config::value::ConfigValue for $name {
            fn kind() -> String {
                "mappings".to_owned()
            }

            fn decode(
                node: &$crate::config::node::Node,
                key: &str,
            ) -> Result<Self, $crate::config::ConfigError> {
                let keys = [$( stringify!($key), )+];
                let mut section = Self::default();
                for entry in $crate::config::section::known_entries(node, key, &keys)? {
                    let path = $crate::config::section::join(key, &entry.key);
                    match entry.key.as_str() {
                        $( stringify!($key) => {
                            section.$key = <$kind as $crate::config::value::ConfigValue>::decode(&entry.value, &path)?;
                        } )+
                        other => unreachable!("{other} is not among the known keys"),
                    }
                }
                Ok(section)
            }

            fn encode(&self) -> serde_json::Value {
                let mut map = serde_json::Map::new();
                $( map.insert(stringify!($key).to_owned(), $crate::config::value::ConfigValue::encode(&self.$key)); )+
                map.into()
            }

            fn describe(
                &self,
                key: &str,
                _meaning: &str,
                entries: &mut Vec<$crate::config::reference::ReferenceEntry>,
            ) {
                $(
                    let path = $crate::config::section::join(key, stringify!($key));
                    let meaning = concat!($($doc),+);
                    $crate::config::value::ConfigValue::describe(&self.$key, &path, meaning, entries);
                )+
            }

            fn describe_item(key: &str, entries: &mut Vec<$crate::config::reference::ReferenceEntry>) {
                $crate::config::value::ConfigValue::describe(&Self::default(), key, "", entries);
            }
        }
    };
}

pub(super) use section;

/// The path of `key` in the section at `path`.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The entries of a mapping; a variable contains it as YAML or JSON.
pub(super) fn entries_of(node: &Node, key: &str) -> Result<Vec<MappingEntry>, ConfigError> {
    match &node.content {
        NodeContent::Map(entries) => Ok(entries.clone()),
        NodeContent::Raw(text) => {
            let parsed = yaml::parse_raw(text, &node.at)?;
            match parsed.content {
                NodeContent::Map(entries) => Ok(entries),
                NodeContent::Null => Ok(Vec::new()),
                _ => Err(wrong_shape(node, key, "a mapping such as {key: value}")),
            }
        }
        _ if key.is_empty() => Err(wrong_shape(node, "the configuration", "a mapping of sections")),
        _ => Err(wrong_shape(node, key, "a mapping of keys to values")),
    }
}

/// The entries that have a value, after checking that every key is one of `keys`.
///
/// A key without a value keeps its default: templates leave such keys behind.
pub(super) fn known_entries(
    node: &Node,
    path: &str,
    keys: &[&'static str],
) -> Result<Vec<MappingEntry>, ConfigError> {
    let mut entries = entries_of(node, path)?;
    if let Some(entry) = entries.iter().find(|entry| !keys.contains(&entry.key.as_str())) {
        return Err(unknown_key(entry, path, keys));
    }
    entries.retain(|entry| !matches!(entry.value.content, NodeContent::Null));
    Ok(entries)
}

fn unknown_key(entry: &MappingEntry, path: &str, keys: &[&'static str]) -> ConfigError {
    let hint = match nearest(&entry.key, keys.iter().copied()) {
        Some(key) => did_you_mean(&entry.at, path, key),
        None => key_of_other_section(entry).unwrap_or_else(|| accepted_keys(path, keys)),
    };
    ConfigError::UnknownKey { at: entry.at.clone(), key: join(path, &entry.key), hint }
}

fn did_you_mean(at: &Origin, path: &str, key: &str) -> String {
    match at {
        Origin::Variable(_) => format!("; did you mean {}?", variable_of(&join(path, key))),
        _ => format!("; did you mean {key:?}?"),
    }
}

/// The hint for a key that exists in another section, usually one with wrong indentation.
fn key_of_other_section(entry: &MappingEntry) -> Option<String> {
    let entries = reference::entries();
    let path = entries
        .iter()
        .map(|entry| entry.key.as_str())
        .find(|key| key.rsplit('.').next().is_some_and(|leaf| leaf == entry.key))?;
    Some(did_you_mean(&entry.at, "", path))
}

fn accepted_keys(path: &str, keys: &[&'static str]) -> String {
    let owner = if path.is_empty() { "the configuration" } else { path };
    format!("; {owner} takes {}", keys.join(", "))
}

/// The variable that overrides a key: `github.orgs[0].org` is `GITHUB_STATS__GITHUB__ORGS__0__ORG`.
pub(super) fn variable_of(key: &str) -> String {
    let path = key.replace("[]", "[0]").replace('[', ".").replace(']', "");
    format!("{}{}", super::environment::PREFIX, path.replace('.', "__").to_uppercase())
}
