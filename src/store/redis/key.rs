//! The names of keys, which `docs/REDIS.md` lists.
//!
//! All keys of an organisation have its name as their hash tag, so that a cluster keeps them in one
//! slot and one script can change them atomically.

use std::fmt::Write;

use github_stats_actors::activity::{OrgName, RepoId};
use github_stats_actors::store::SharedTable;

/// Version of the key layout. Keys of different versions can exist side by side.
const LAYOUT: u32 = 1;

/// Builds the names of keys under a prefix.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    prefix: String,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Keys { prefix: format!("{prefix}:{LAYOUT}:") }
    }

    /// A set of the names of all organisations.
    pub(super) fn organisations(&self) -> Vec<u8> {
        format!("{}orgs", self.prefix).into_bytes()
    }

    /// The last issued epoch.
    pub(super) fn epoch(&self) -> Vec<u8> {
        format!("{}epoch", self.prefix).into_bytes()
    }

    /// A hash of the current epochs by shard, in the same cluster slot as [`Keys::epoch`].
    pub(super) fn epochs(&self) -> Vec<u8> {
        format!("{0}epochs:{{{0}epoch}}", self.prefix).into_bytes()
    }

    /// The keys of an organisation.
    pub(super) fn of(&self, org: &OrgName) -> OrgKeys {
        OrgKeys { prefix: format!("{}{{{}}}:", self.prefix, tag(org.as_str())) }
    }

    /// A hash of the values of a table of shared state, and a sorted set of their expiry times.
    pub(super) fn table(&self, table: SharedTable) -> [Vec<u8>; 2] {
        ["values", "expiries"]
            .map(|part| format!("{}{{t:{}}}:{part}", self.prefix, table.as_str()).into_bytes())
    }

    /// A hash of the shared counts by name.
    pub(super) fn counts(&self) -> Vec<u8> {
        format!("{}{{t:counts}}:counts", self.prefix).into_bytes()
    }

    /// The sequence number of the last batch of counts applied for a writer.
    pub(super) fn counted(&self, writer: &str) -> Vec<u8> {
        format!("{}{{t:counts}}:writer:{writer}", self.prefix).into_bytes()
    }
}

/// Builds the names of the keys of one organisation.
#[derive(Clone, Debug)]
pub(super) struct OrgKeys {
    prefix: String,
}

impl OrgKeys {
    /// A hash of version and state by repository.
    pub(super) fn repositories(&self) -> Vec<u8> {
        format!("{}repos", self.prefix).into_bytes()
    }

    /// A hash of the records of a repository by fact.
    pub(super) fn facts(&self, repository: &RepoId) -> Vec<u8> {
        format!("{}facts:{}", self.prefix, repository.as_str()).into_bytes()
    }

    /// The stream of changes.
    pub(super) fn log(&self) -> Vec<u8> {
        format!("{}log", self.prefix).into_bytes()
    }

    /// A hash of the position of the log and the fence.
    pub(super) fn meta(&self) -> Vec<u8> {
        format!("{}meta", self.prefix).into_bytes()
    }
}

/// Escapes a name for use as a hash tag, so that it is neither empty nor ends the tag early.
fn tag(name: &str) -> String {
    if name.is_empty() {
        return "%".to_owned();
    }
    name.chars().fold(String::with_capacity(name.len()), |mut tag, c| {
        match c {
            '{' | '}' | '%' | ':' => {
                // Writing to a string cannot fail.
                let _ = write!(tag, "%{:02x}", u32::from(c));
            }
            c => tag.push(c),
        }
        tag
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_keys_of_an_organisation_have_the_same_hash_tag() {
        let keys = Keys::new("ghs");
        for (org, tag) in
            [("acme", "{acme}"), ("", "{%}"), ("a}b{c", "{a%7db%7bc}"), ("t:jobs", "{t%3ajobs}")]
        {
            let of = keys.of(&org.into());
            for key in [of.repositories(), of.facts(&"R_1}".into()), of.log(), of.meta()] {
                let key = String::from_utf8(key).expect("text");
                let (open, close) = (key.find('{').expect("a tag"), key.find('}').expect("a tag"));
                assert_eq!(&key[open..=close], tag, "{key}");
            }
        }
    }
}
