//! The configuration as written: a tree of values with the places where they were set.

use std::sync::Arc;

use super::error::ConfigError;
use super::origin::Origin;

/// A value as written, not yet typed.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) at: Origin,
    pub(super) content: NodeContent,
}

/// The kind of a value.
#[derive(Debug, Clone)]
pub(super) enum NodeContent {
    /// A key without a value.
    Null,
    /// An unquoted number or boolean, spelt as in the file.
    Plain(String),
    /// Any other scalar of a file.
    Text(String),
    /// The text of a variable or flag, to be interpreted by the type of its key.
    Raw(String),
    List(Vec<Node>),
    Map(Vec<MappingEntry>),
}

/// A key and its value.
#[derive(Debug, Clone)]
pub(super) struct MappingEntry {
    pub(super) key: String,
    pub(super) at: Origin,
    pub(super) value: Node,
}

impl Node {
    pub(super) fn raw(at: Origin, text: impl Into<String>) -> Self {
        Self { at, content: NodeContent::Raw(text.into()) }
    }

    /// The text of a scalar, whatever its style.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.content {
            NodeContent::Plain(text) | NodeContent::Text(text) | NodeContent::Raw(text) => Some(text),
            _ => None,
        }
    }

    /// The value under `key`, if this is a mapping that has it.
    pub(super) fn get(&self, key: &str) -> Option<&MappingEntry> {
        match &self.content {
            NodeContent::Map(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// The error for a value that its key does not accept.
    pub(super) fn wrong_type(&self, key: &str, expected: impl Into<String>) -> ConfigError {
        ConfigError::WrongType {
            at: self.at.clone(),
            key: key.to_owned(),
            expected: expected.into(),
            found: self.describe(),
        }
    }

    /// The error for a value of the wrong shape. Its text is not shown, because it may contain a
    /// secret.
    pub(super) fn wrong_shape(&self, key: &str, expected: impl Into<String>) -> ConfigError {
        let found = match &self.content {
            NodeContent::Null => "empty",
            NodeContent::List(_) => "a list",
            NodeContent::Map(_) => "a mapping",
            NodeContent::Plain(_) | NodeContent::Text(_) | NodeContent::Raw(_) => "a single value",
        };
        ConfigError::WrongType {
            at: self.at.clone(),
            key: key.to_owned(),
            expected: expected.into(),
            found: found.to_owned(),
        }
    }

    /// The value, for the end of "must be a number, but is …".
    pub(super) fn describe(&self) -> String {
        match &self.content {
            NodeContent::Null => "empty".to_owned(),
            NodeContent::Plain(text) => shortened(text),
            NodeContent::Text(text) | NodeContent::Raw(text) if text.is_empty() => "empty text".to_owned(),
            NodeContent::Text(text) | NodeContent::Raw(text) => format!("{:?}", shortened(text)),
            NodeContent::List(_) => "a list".to_owned(),
            NodeContent::Map(_) => "a mapping".to_owned(),
        }
    }

    /// Where the key of this path was set; for a part of a value set as a whole, where the whole
    /// was set.
    pub(super) fn origin_of(&self, path: &str) -> Origin {
        let mut node = self;
        let mut found = Origin::Default;
        for step in steps(path) {
            let next = match (&node.content, step) {
                (NodeContent::Map(_), NodeStep::Key(key)) => node.get(key).map(|e| (e.at.clone(), &e.value)),
                (NodeContent::List(items), NodeStep::Item(i)) => items.get(i).map(|n| (n.at.clone(), n)),
                (NodeContent::Raw(_), _) => return node.at.clone(),
                _ => None,
            };
            let Some((at, value)) = next else {
                // A missing key is at its default; a missing item was set where its list was.
                return match step {
                    NodeStep::Key(_) => Origin::Default,
                    NodeStep::Item(_) => found,
                };
            };
            if matches!(value.content, NodeContent::Null) {
                return Origin::Default;
            }
            (found, node) = (at, value);
        }
        found
    }
}

/// The name of a configuration file, from which origins are made.
#[derive(Debug, Clone)]
pub(super) struct FileName(pub(super) Arc<str>);

impl FileName {
    pub(super) fn at(&self, line: u64, column: u64) -> Origin {
        Origin::File {
            file: Arc::clone(&self.0),
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
        }
    }
}

#[derive(Clone, Copy)]
enum NodeStep<'a> {
    Key(&'a str),
    Item(usize),
}

/// Splits `github.orgs[0].org` into its steps.
fn steps(path: &str) -> impl Iterator<Item = NodeStep<'_>> {
    path.split(['.', '[']).filter(|part| !part.is_empty()).map(|part| {
        match part.strip_suffix(']').and_then(|index| index.parse().ok()) {
            Some(index) => NodeStep::Item(index),
            None => NodeStep::Key(part),
        }
    })
}

/// Truncates long values, so that messages stay one readable line.
fn shortened(text: &str) -> String {
    const MAX_CHARS: usize = 60;
    let mut short: String = text.chars().take(MAX_CHARS).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
