//! The types that a key may have: decoding, encoding and documentation.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::json;

use super::error::ConfigError;
use super::mapping::entries_of;
use super::node::{Node, NodeContent};
use super::reference_entry::ReferenceEntry;
use super::secret::Secret;
use super::yaml;

/// A type that a key may have.
pub(super) trait ConfigValue: Sized {
    /// The name of the type in the documentation.
    fn kind() -> String;

    /// Decodes the value of `key`.
    ///
    /// # Errors
    /// [`ConfigError`] naming the place and the key.
    fn decode(node: &Node, key: &str) -> Result<Self, ConfigError>;

    /// The value as `decode` would accept it; a secret is redacted.
    fn encode(&self) -> serde_json::Value;

    /// Adds the documentation of `key`, whose default is `self`.
    fn describe(&self, key: &str, meaning: &str, entries: &mut Vec<ReferenceEntry>) {
        entries.push(ReferenceEntry::new(key, Self::kind(), &self.encode(), meaning));
    }

    /// Adds the documentation of what an item of a list under `key` holds.
    fn describe_item(_key: &str, _entries: &mut Vec<ReferenceEntry>) {}
}

/// The text of a scalar, or the error that says what the key accepts.
pub(super) fn text_of<'a>(node: &'a Node, key: &str, expected: &str) -> Result<&'a str, ConfigError> {
    node.text().ok_or_else(|| node.wrong_type(key, expected))
}

/// The text of an unquoted scalar; a quoted number in a file is text.
fn plain_of<'a>(node: &'a Node, key: &str, expected: &str) -> Result<&'a str, ConfigError> {
    match &node.content {
        NodeContent::Plain(text) | NodeContent::Raw(text) => Ok(text.trim()),
        _ => Err(node.wrong_type(key, expected)),
    }
}

impl ConfigValue for bool {
    fn kind() -> String {
        "true or false".to_owned()
    }

    fn decode(node: &Node, key: &str) -> Result<Self, ConfigError> {
        const EXPECTED: &str = "true or false (without quotes)";
        match plain_of(node, key, EXPECTED)?.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Ok(true),
            "false" | "no" | "off" => Ok(false),
            _ => Err(node.wrong_type(key, EXPECTED)),
        }
    }

    fn encode(&self) -> serde_json::Value {
        json!(self)
    }
}

macro_rules! whole_number {
    ($($number:ty),*) => {$(
        impl ConfigValue for $number {
            fn kind() -> String {
                "whole number".to_owned()
            }

            fn decode(node: &Node, key: &str) -> Result<Self, ConfigError> {
                let expected = format!("a whole number from 0 to {} (without quotes)", <$number>::MAX);
                let text = plain_of(node, key, &expected)?.replace('_', "");
                text.parse().map_err(|_| node.wrong_type(key, expected))
            }

            fn encode(&self) -> serde_json::Value {
                json!(self)
            }
        }
    )*};
}

whole_number!(u16, u32, u64);

impl ConfigValue for f64 {
    fn kind() -> String {
        "number".to_owned()
    }

    fn decode(node: &Node, key: &str) -> Result<Self, ConfigError> {
        const EXPECTED: &str = "a number such as 0.05 (without quotes)";
        let number = plain_of(node, key, EXPECTED)?.parse::<Self>();
        number.ok().filter(|n| n.is_finite()).ok_or_else(|| node.wrong_type(key, EXPECTED))
    }

    fn encode(&self) -> serde_json::Value {
        json!(self)
    }
}

impl ConfigValue for String {
    fn kind() -> String {
        "text".to_owned()
    }

    fn decode(node: &Node, key: &str) -> Result<Self, ConfigError> {
        Ok(text_of(node, key, "text")?.to_owned())
    }

    fn encode(&self) -> serde_json::Value {
        json!(self)
    }
}

impl ConfigValue for PathBuf {
    fn kind() -> String {
        "path".to_owned()
    }

    fn decode(node: &Node, key: &str) -> Result<Self, ConfigError> {
        Ok(text_of(node, key, "a path")?.into())
    }

    fn encode(&self) -> serde_json::Value {
        json!(self.to_string_lossy())
    }
}

/// An optional path; the empty path means none, so that a variable can remove one.
impl ConfigValue for Option<PathBuf> {
    fn kind() -> String {
        PathBuf::kind()
    }

    fn decode(node: &Node, key: &str) -> Result<Self, ConfigError> {
        PathBuf::decode(node, key).map(|path| Some(path).filter(|p| !p.as_os_str().is_empty()))
    }

    fn encode(&self) -> serde_json::Value {
        self.clone().unwrap_or_default().encode()
    }
}

/// An optional id; 0 means none, because no id of GitHub is 0.
impl ConfigValue for Option<u64> {
    fn kind() -> String {
        u64::kind()
    }

    fn decode(node: &Node, key: &str) -> Result<Self, ConfigError> {
        u64::decode(node, key).map(|id| Some(id).filter(|id| *id != 0))
    }

    fn encode(&self) -> serde_json::Value {
        self.unwrap_or_default().encode()
    }
}

impl ConfigValue for Secret {
    fn kind() -> String {
        "secret".to_owned()
    }

    fn decode(node: &Node, key: &str) -> Result<Self, ConfigError> {
        // Only a list or a mapping is rejected, and the message shows neither.
        node.text().map(Self::new).ok_or_else(|| node.wrong_type(key, "text (quoted if in doubt)"))
    }

    fn encode(&self) -> serde_json::Value {
        if self.is_empty() { "".into() } else { "[redacted]".into() }
    }
}

impl<T: ConfigValue> ConfigValue for Vec<T> {
    fn kind() -> String {
        format!("list of {}", T::kind())
    }

    fn decode(node: &Node, key: &str) -> Result<Self, ConfigError> {
        let items = items_of(node, key, &T::kind())?;
        items.iter().enumerate().map(|(i, item)| T::decode(item, &format!("{key}[{i}]"))).collect()
    }

    fn encode(&self) -> serde_json::Value {
        self.iter().map(ConfigValue::encode).collect()
    }

    fn describe(&self, key: &str, meaning: &str, entries: &mut Vec<ReferenceEntry>) {
        entries.push(ReferenceEntry::new(key, Self::kind(), &self.encode(), meaning));
        T::describe_item(&format!("{key}[]"), entries);
    }
}

/// The items of a list; a variable contains them separated by commas, or as YAML.
fn items_of(node: &Node, key: &str, of: &str) -> Result<Vec<Node>, ConfigError> {
    match &node.content {
        NodeContent::List(items) => Ok(items.clone()),
        NodeContent::Raw(text) if text.trim_start().starts_with('[') => {
            items_of(&yaml::parse_raw(text, &node.at)?, key, of)
        }
        NodeContent::Raw(text) => Ok(separated(text, node)),
        _ => Err(node.wrong_shape(key, format!("a list of {of}, in brackets or with \"- \" before each"))),
    }
}

fn separated(text: &str, node: &Node) -> Vec<Node> {
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    items.map(|item| Node::raw(node.at.clone(), item)).collect()
}

impl ConfigValue for BTreeMap<String, String> {
    fn kind() -> String {
        "map of text to text".to_owned()
    }

    fn decode(node: &Node, key: &str) -> Result<Self, ConfigError> {
        let entries = entries_of(node, key)?;
        let decoded = entries.iter().map(|entry| {
            let value = String::decode(&entry.value, &format!("{key}.{}", entry.key))?;
            Ok((entry.key.clone(), value))
        });
        decoded.collect()
    }

    fn encode(&self) -> serde_json::Value {
        json!(self)
    }
}
