//! The macro that declares a section: its keys, their types, defaults and documentation.

use super::error::{ConfigError, KeyHint};
use super::key_path::{join, variable_of};
use super::mapping::entries_of;
use super::node::{MappingEntry, Node, NodeContent};
use super::origin::Origin;
use super::suggest::nearest;

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
                    let path = $crate::config::key_path::join(key, &entry.key);
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
                entries: &mut Vec<$crate::config::reference_entry::ReferenceEntry>,
            ) {
                $(
                    let path = $crate::config::key_path::join(key, stringify!($key));
                    let meaning = concat!($($doc),+);
                    $crate::config::value::ConfigValue::describe(&self.$key, &path, meaning, entries);
                )+
            }

            fn describe_item(key: &str, entries: &mut Vec<$crate::config::reference_entry::ReferenceEntry>) {
                $crate::config::value::ConfigValue::describe(&Self::default(), key, "", entries);
            }
        }
    };
}

pub(super) use section;

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
        None => accepted_keys(path, keys),
    };
    ConfigError::UnknownKey { at: entry.at.clone(), key: join(path, &entry.key), hint }
}

/// Suggests `key` of the section at `path`, by its variable if the wrong key was a variable.
pub(super) fn did_you_mean(at: &Origin, path: &str, key: &str) -> KeyHint {
    match at {
        Origin::Variable(_) => KeyHint::Nearest(variable_of(&join(path, key))),
        _ => KeyHint::Nearest(format!("{key:?}")),
    }
}

fn accepted_keys(path: &str, keys: &[&'static str]) -> KeyHint {
    let section = if path.is_empty() { "the configuration" } else { path };
    KeyHint::Accepted { section: section.to_owned(), keys: keys.join(", ") }
}
