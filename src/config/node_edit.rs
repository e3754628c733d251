//! Changes to the configuration as written, by variables and flags.

use super::error::ConfigError;
use super::node::{MappingEntry, Node, NodeContent};
use super::origin::Origin;
use super::yaml;

impl Node {
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
        let error = self.wrong_shape(path, "a mapping of keys to values");
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
        let error = self.wrong_shape(path, "a list");
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
}
