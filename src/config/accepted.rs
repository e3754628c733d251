//! Keys of the Go exporter that are accepted without effect.

use super::node::{MappingEntry, Node, NodeContent};
use super::{ConfigError, ConfigWarning};

/// Section, key, and the message of the warning.
const ACCEPTED: [(&str, &str, &str); 7] = [
    (
        "metrics",
        "topology",
        "it has no effect: every replica serves the same cluster-wide view, so any scrape topology works",
    ),
    ("metrics", "scrape_service_dns", "it has no effect: Prometheus may scrape any replica, or all of them"),
    (
        "loc",
        "source",
        "it has no effect: lines of code come with the commits, or from the statistics where GraphQL is not available",
    ),
    ("store", "metric_refresh_interval", "it has no effect: the view is refreshed whenever facts change"),
    ("store", "index_shards", "it has no effect: each organisation has its own index in the store"),
    ("store", "export_cache_mode", "it has no effect: the exposition is always updated incrementally"),
    ("", "copilot", "Copilot usage is not collected; the whole section is ignored"),
];

/// Removes these keys from the tree and returns a warning for each one found.
///
/// # Errors
/// [`ConfigError::Syntax`] if a section set by a variable is not YAML.
pub(super) fn remove_accepted(root: &mut Node) -> Result<Vec<ConfigWarning>, ConfigError> {
    let mut warnings = Vec::new();
    for (section, key, message) in ACCEPTED {
        if let Some(entry) = remove_key(root, section, key)? {
            let key = super::key_path::join(section, key);
            warnings.push(ConfigWarning { at: entry.at, key, message: message.to_owned() });
        }
    }
    Ok(warnings)
}

fn remove_key(root: &mut Node, section: &str, key: &str) -> Result<Option<MappingEntry>, ConfigError> {
    let NodeContent::Map(entries) = &mut root.content else {
        return Ok(None);
    };
    if section.is_empty() {
        return Ok(remove(entries, key));
    }
    let Some(entry) = entries.iter_mut().find(|entry| entry.key == section) else {
        return Ok(None);
    };
    entry.value.expand()?;
    let NodeContent::Map(entries) = &mut entry.value.content else {
        return Ok(None);
    };
    Ok(remove(entries, key))
}

fn remove(entries: &mut Vec<MappingEntry>, key: &str) -> Option<MappingEntry> {
    let index = entries.iter().position(|entry| entry.key == key)?;
    Some(entries.remove(index))
}
