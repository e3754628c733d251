//! Values of the command line, which override everything else.

use super::node::{MappingEntry, Node, NodeContent};
use super::{ConfigError, Origin};

/// The flags that override the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Each `--org`; one may name several organisations, separated by commas. Empty: those of the
    /// file.
    pub orgs: Vec<String>,
    /// `--listen`.
    pub listen: Option<String>,
}

impl Overrides {
    /// Applies the flags to the values of file and environment.
    pub(super) fn apply(&self, root: &mut Node) -> Result<(), ConfigError> {
        if let Some(listen) = &self.listen {
            let at = Origin::Flag("--listen");
            *set(root, "server", "listen_addr", &at)? = Node::raw(at.clone(), listen);
        }
        if !self.orgs.is_empty() {
            let at = Origin::Flag("--org");
            let orgs = set(root, "github", "orgs", &at)?;
            orgs.expand()?;
            *orgs = Node { content: NodeContent::List(self.organisations(orgs, &at)), at };
        }
        Ok(())
    }

    /// The organisations of the flags, with the settings of the file if there are any, else with
    /// defaults.
    fn organisations(&self, written: &Node, at: &Origin) -> Vec<Node> {
        let mut names: Vec<&str> = Vec::new();
        for name in self.orgs.iter().flat_map(|flag| flag.split(',')).map(str::trim) {
            if !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                names.push(name);
            }
        }
        names.into_iter().map(|name| find(written, name).unwrap_or_else(|| named(name, at))).collect()
    }
}

fn find(orgs: &Node, name: &str) -> Option<Node> {
    let NodeContent::List(items) = &orgs.content else {
        return None;
    };
    let is_it = |item: &&Node| {
        let org = item.get("org").and_then(|entry| entry.value.text());
        org.is_some_and(|org| org.eq_ignore_ascii_case(name))
    };
    items.iter().find(is_it).cloned()
}

fn named(name: &str, at: &Origin) -> Node {
    let org = MappingEntry { key: "org".to_owned(), at: at.clone(), value: Node::raw(at.clone(), name) };
    Node { at: at.clone(), content: NodeContent::Map(vec![org]) }
}

/// Sets `section.key` and returns its value.
fn set<'a>(root: &'a mut Node, section: &str, key: &str, at: &Origin) -> Result<&'a mut Node, ConfigError> {
    let section_entry = root.entry_mut(section, at, "")?;
    let entry = section_entry.value.entry_mut(key, at, section)?;
    entry.at = at.clone();
    Ok(&mut entry.value)
}
