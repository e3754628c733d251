//! The configuration as written: a tree of values with the places where they were set.

use std::sync::Arc;

use super::value::wrong_shape;
use super::{ConfigError, Origin, yaml};

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

    /// Replaces the text of a variable by the mapping or list that it contains as YAML or JSON.
    ///
    /// # Errors
    /// [`ConfigError::Syntax`] naming the variable.
    pub(super) fn expand(&mut self) -> Result<(), ConfigError> {
        if let NodeContent::Raw(text) = &self.content {
            self.content = yaml::parse_raw(text, &self.at)?.content;
        }
        Ok(())
    }

    /// The entry for `key` of the mapping at `path`, created without a value if it is missing.
    ///
    /// # Errors
    /// [`ConfigError`] if this is not a mapping.
    pub(super) fn entry_mut(
        &mut self,
        key: &str,
        at: &Origin,
        path: &str,
    ) -> Result<&mut MappingEntry, ConfigError> {
        self.expand()?;
        if matches!(self.content, NodeContent::Null) {
            *self = Self { at: at.clone(), content: NodeContent::Map(Vec::new()) };
        }
        let error = wrong_shape(self, path, "a mapping of keys to values");
        let NodeContent::Map(entries) = &mut self.content else {
            return Err(error);
        };
        let index = entries.iter().position(|entry| entry.key == key).unwrap_or_else(|| {
            let value = Self { at: at.clone(), content: NodeContent::Null };
            entries.push(MappingEntry { key: key.to_owned(), at: at.clone(), value });
            entries.len() - 1
        });
        Ok(&mut entries[index])
    }

    /// Item `index` of the list at `path`; the one after the last is created without a value.
    ///
    /// # Errors
    /// [`ConfigError`] if this is not a list, or the list is too short.
    pub(super) fn item_mut(
        &mut self,
        index: usize,
        at: &Origin,
        path: &str,
    ) -> Result<&mut Self, ConfigError> {
        self.expand()?;
        if matches!(self.content, NodeContent::Null) {
            *self = Self { at: at.clone(), content: NodeContent::List(Vec::new()) };
        }
        let error = wrong_shape(self, path, "a list");
        let NodeContent::List(items) = &mut self.content else {
            return Err(error);
        };
        let count = items.len();
        if index == count {
            items.push(Self { at: at.clone(), content: NodeContent::Null });
        }
        items.get_mut(index).ok_or_else(|| ConfigError::InvalidValue {
            at: at.clone(),
            problem: format!("{path} has {count} items, so the next one is number {count}, not {index}"),
        })
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
