//! The entries of a mapping.

use super::error::ConfigError;
use super::node::{MappingEntry, Node, NodeContent};
use super::yaml;

/// The entries of a mapping; a variable contains it as YAML or JSON.
pub(super) fn entries_of(node: &Node, key: &str) -> Result<Vec<MappingEntry>, ConfigError> {
    match &node.content {
        NodeContent::Map(entries) => Ok(entries.clone()),
        NodeContent::Raw(text) => {
            let parsed = yaml::parse_raw(text, &node.at)?;
            match parsed.content {
                NodeContent::Map(entries) => Ok(entries),
                NodeContent::Null => Ok(Vec::new()),
                _ => Err(node.wrong_shape(key, "a mapping such as {key: value}")),
            }
        }
        _ if key.is_empty() => Err(node.wrong_shape("the configuration", "a mapping of sections")),
        _ => Err(node.wrong_shape(key, "a mapping of keys to values")),
    }
}
