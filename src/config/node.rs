//! The configuration as written: a tree in which every value knows where it was set.

use std::sync::Arc;

use super::value::wrong_shape;
use super::{ConfigError, Origin, yaml};

/// A value as written, before any type is asked of it.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) at: Origin,
    pub(super) content: NodeContent,
}

/// What a value looks like.
#[derive(Debug, Clone)]
pub(super) enum NodeContent {
    /// A key without a value.
    Null,
    /// An unquoted number or truth value, spelled as in the file.
    Plain(String),
    /// Any other scalar of a file.
    Text(String),
    /// The text of a variable or flag, whose target decides what it means.
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

    /// Replaces the text of a variable by the mapping or list that it spells in YAML or JSON.
    ///
    /// # Errors
    /// [`ConfigError::Syntax`] naming the variable.
    pub(super) fn expand(&mut self) -> Result<(), ConfigError> {
        if let NodeContent::Raw(text) = &self.content {
            self.content = yaml::parse_raw(text, &self.at)?.content;
        }
        Ok(())
    }

    /// The entry for `key` of the mapping at `path`, made without a value if it is not there.
    ///
    /// # Errors
    /// [`ConfigError`] if something other than a mapping is there.
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
        let refusal = wrong_shape(self, path, "a mapping of keys to values");
        let NodeContent::Map(entries) = &mut self.content else {
            return Err(refusal);
        };
        let index = entries.iter().position(|entry| entry.key == key).unwrap_or_else(|| {
            let value = Self { at: at.clone(), content: NodeContent::Null };
            entries.push(MappingEntry { key: key.to_owned(), at: at.clone(), value });
            entries.len() - 1
        });
        Ok(&mut entries[index])
    }

    /// Item `index` of the list at `path`; the one after the last is made without a value.
    ///
    /// # Errors
    /// [`ConfigError`] if something other than a list is there, or the list is too short.
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
        let refusal = wrong_shape(self, path, "a list");
        let NodeContent::List(items) = &mut self.content else {
            return Err(refusal);
        };
        let count = items.len();
        if index == count {
            items.push(Self { at: at.clone(), content: NodeContent::Null });
        }
        items.get_mut(index).ok_or_else(|| ConfigError::Impossible {
            at: at.clone(),
            problem: format!("{path} has {count} items, so the next one is number {count}, not {index}"),
        })
    }

    /// What this is, for the end of "must be a number, but is …".
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

    /// Where the key of this path was set; for a part of something set as a whole, where that was.
    pub(super) fn origin_of(&self, path: &str) -> Origin {
        let mut node = self;
        let mut found = Origin::Default;
        for step in steps(path) {
            let next = match (&node.content, step) {
                (NodeContent::Map(_), Step::Key(key)) => node.get(key).map(|e| (e.at.clone(), &e.value)),
                (NodeContent::List(items), Step::Item(i)) => items.get(i).map(|n| (n.at.clone(), n)),
                (NodeContent::Raw(_), _) => return node.at.clone(),
                _ => None,
            };
            let Some((at, value)) = next else {
                // A key that a section does not name is at its default; an absent item is its list's.
                return match step {
                    Step::Key(_) => Origin::Default,
                    Step::Item(_) => found,
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

/// An origin for every place of one file.
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
enum Step<'a> {
    Key(&'a str),
    Item(usize),
}

/// Splits `github.orgs[0].org` into its steps.
fn steps(path: &str) -> impl Iterator<Item = Step<'_>> {
    path.split(['.', '[']).filter(|part| !part.is_empty()).map(|part| {
        match part.strip_suffix(']').and_then(|index| index.parse().ok()) {
            Some(index) => Step::Item(index),
            None => Step::Key(part),
        }
    })
}

/// Messages stay one readable line, however long the value is.
fn shortened(text: &str) -> String {
    const MOST: usize = 60;
    let mut short: String = text.chars().take(MOST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
