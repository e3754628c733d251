//! The environment of the process, as a map that tests can write.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::node::{Node, NodeContent};
use super::reference::{self, ReferenceLine};
use super::section::join;
use super::{ConfigError, ConfigWarning, Origin};

/// What the names of overriding variables start with.
pub(super) const PREFIX: &str = "GITHUB_STATS__";

/// Environment variables by name.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<String, String>);

/// Shows names only: any value may be a secret.
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

    /// Writes every `GITHUB_STATS__SECTION__KEY` over what the file says.
    pub(super) fn overlay(&self, root: &mut Node) -> Result<(), ConfigError> {
        for (path, name, value) in self.overrides() {
            let at = Origin::Variable(Arc::from(name));
            place(root, &path, &at, value, "")?;
        }
        Ok(())
    }

    /// Variables that would override a key if their underscores were right, each with a remark.
    pub(super) fn near_misses(&self) -> Vec<ConfigWarning> {
        let squeezed = |name: &str| name.replace('_', "");
        let keys: BTreeMap<String, ReferenceLine> =
            reference::lines().into_iter().map(|line| (squeezed(&line.variable()), line)).collect();
        let suspects =
            self.0.keys().filter(|name| name.starts_with("GITHUB_STATS_") && !name.starts_with(PREFIX));
        suspects
            .filter_map(|name| {
                let line = keys.get(&squeezed(name))?;
                Some(ConfigWarning {
                    at: Origin::Variable(Arc::from(name.as_str())),
                    key: line.key.clone(),
                    message: format!("it has no effect under this name; the variable is {}", line.variable()),
                })
            })
            .collect()
    }

    /// The overriding variables, whole values before their parts and items in the order of their numbers.
    fn overrides(&self) -> Vec<(Vec<Step>, &str, &str)> {
        let mut overrides: Vec<_> = self
            .0
            .iter()
            .filter_map(|(name, value)| {
                let path = name.strip_prefix(PREFIX)?.split("__").map(Step::from).collect();
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
enum Step {
    Item(usize),
    Key(String),
}

impl From<&str> for Step {
    fn from(part: &str) -> Self {
        match part.parse() {
            Ok(index) => Self::Item(index),
            Err(_) => Self::Key(part.to_lowercase()),
        }
    }
}

/// Sets the value at `path` below `node`, making the mappings and items on the way.
fn place(node: &mut Node, path: &[Step], at: &Origin, value: &str, above: &str) -> Result<(), ConfigError> {
    let Some((step, rest)) = path.split_first() else {
        *node = Node::raw(at.clone(), value);
        return Ok(());
    };
    match step {
        Step::Item(index) => {
            let item = node.item_mut(*index, at, above)?;
            place(item, rest, at, value, &format!("{above}[{index}]"))
        }
        Step::Key(key) => {
            if rest.is_empty() {
                yield_to(node, key);
            }
            let entry = node.entry_mut(key, at, above)?;
            if rest.is_empty() {
                entry.at = at.clone();
            }
            place(&mut entry.value, rest, at, value, &join(above, key))
        }
    }
}

/// A secret in a variable replaces the one in the file, whichever of `key` and `key_file` each used.
fn yield_to(node: &mut Node, key: &str) {
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
    fn shows_no_values_and_takes_empty_for_unset() {
        let env = Environment::from_iter([("GITHUB_TOKEN", "s3cr3t"), ("POD_NAME", "")]);
        assert_eq!(format!("{env:?}"), "{\"GITHUB_TOKEN\", \"POD_NAME\"}");
        assert_eq!(env.get("GITHUB_TOKEN"), Some("s3cr3t"));
        assert_eq!(env.get("POD_NAME"), None);
    }
}
