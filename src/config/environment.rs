//! The environment of the process as a map, which tests can replace.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::key_path::{PREFIX, join};
use super::node::{Node, NodeContent};
use super::reference::{self, ReferenceEntry};
use super::{ConfigError, ConfigWarning, Origin};

/// Environment variables by name.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<String, String>);

/// Prints names only: any value may be a secret.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Environment {
    /// The variables of this process; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn of_process() -> Self {
        std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
            .collect()
    }

    /// The value of a variable that is set and not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Applies every `GITHUB_STATS__SECTION__KEY` to the values of the file.
    pub(super) fn apply(&self, root: &mut Node) -> Result<(), ConfigError> {
        for (path, name, value) in self.overrides() {
            let at = Origin::Variable(Arc::from(name));
            set_at(root, &path, &at, value, "")?;
        }
        Ok(())
    }

    /// A warning for each variable that would override a key if its underscores were right.
    pub(super) fn misspelt_variables(&self) -> Vec<ConfigWarning> {
        let without_underscores = |name: &str| name.replace('_', "");
        let keys: BTreeMap<String, ReferenceEntry> = reference::entries()
            .into_iter()
            .map(|entry| (without_underscores(&entry.variable()), entry))
            .collect();
        let candidates =
            self.0.keys().filter(|name| name.starts_with("GITHUB_STATS_") && !name.starts_with(PREFIX));
        candidates
            .filter_map(|name| {
                let entry = keys.get(&without_underscores(name))?;
                Some(ConfigWarning {
                    at: Origin::Variable(Arc::from(name.as_str())),
                    key: entry.key.clone(),
                    message: format!(
                        "it has no effect under this name; the variable is {}",
                        entry.variable()
                    ),
                })
            })
            .collect()
    }

    /// The overriding variables with their paths: whole values before their parts, items by index.
    fn overrides(&self) -> Vec<(Vec<PathStep>, &str, &str)> {
        let mut overrides: Vec<_> = self
            .0
            .iter()
            .filter_map(|(name, value)| {
                let path = name.strip_prefix(PREFIX)?.split("__").map(PathStep::from).collect();
                Some((path, name.as_str(), value.as_str()))
            })
            .collect();
        overrides.sort();
        overrides
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum PathStep {
    Item(usize),
    Key(String),
}

impl From<&str> for PathStep {
    fn from(part: &str) -> Self {
        match part.parse() {
            Ok(index) => Self::Item(index),
            Err(_) => Self::Key(part.to_lowercase()),
        }
    }
}

/// Sets the value at `path` below `node`, and creates missing mappings and items on the way.
fn set_at(
    node: &mut Node,
    path: &[PathStep],
    at: &Origin,
    value: &str,
    parent: &str,
) -> Result<(), ConfigError> {
    let Some((step, rest)) = path.split_first() else {
        *node = Node::raw(at.clone(), value);
        return Ok(());
    };
    match step {
        PathStep::Item(index) => {
            let item = node.item_mut(*index, at, parent)?;
            set_at(item, rest, at, value, &format!("{parent}[{index}]"))
        }
        PathStep::Key(key) => {
            if rest.is_empty() {
                remove_sibling_secret(node, key);
            }
            let entry = node.entry_mut(key, at, parent)?;
            if rest.is_empty() {
                entry.at = at.clone();
            }
            set_at(&mut entry.value, rest, at, value, &join(parent, key))
        }
    }
}

/// A secret in a variable replaces the one in the file, whichever of `key` and `key_file` each
/// uses.
fn remove_sibling_secret(node: &mut Node, key: &str) {
    let NodeContent::Map(entries) = &mut node.content else {
        return;
    };
    let sibling = match key.strip_suffix("_file") {
        Some(base) => base.to_owned(),
        None => format!("{key}_file"),
    };
    entries.retain(|entry| entry.key != sibling || !matches!(entry.at, Origin::File { .. }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_not_printed_and_empty_variables_count_as_unset() {
        let env = Environment::from_iter([("GITHUB_TOKEN", "s3cr3t"), ("POD_NAME", "")]);
        assert_eq!(format!("{env:?}"), "{\"GITHUB_TOKEN\", \"POD_NAME\"}");
        assert_eq!(env.get("GITHUB_TOKEN"), Some("s3cr3t"));
        assert_eq!(env.get("POD_NAME"), None);
    }
}
