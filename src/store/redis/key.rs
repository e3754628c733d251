//! The names of keys. `docs/REDIS.md` lists them.
//!
//! Everything of one organisation has the organisation as its hash tag, so that a cluster keeps it in one slot and a script can
//! change it as a whole.

use std::fmt::Write;

use github_stats_actors::activity::{OrgName, RepoId};
use github_stats_actors::store::SharedTable;

/// The layout this version reads and writes; another one would lie beside it.
const LAYOUT: u32 = 1;

/// Names keys under a prefix.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    prefix: String,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Keys { prefix: format!("{prefix}:{LAYOUT}:") }
    }

    /// The set of organisations.
    pub(super) fn organisations(&self) -> Vec<u8> {
        format!("{}orgs", self.prefix).into_bytes()
    }

    /// The epoch that was issued last.
    pub(super) fn epoch(&self) -> Vec<u8> {
        format!("{}epoch", self.prefix).into_bytes()
    }

    /// The epochs in force, by shard; in the slot of the former.
    pub(super) fn epochs(&self) -> Vec<u8> {
        format!("{0}epochs:{{{0}epoch}}", self.prefix).into_bytes()
    }

    /// What belongs to an organisation.
    pub(super) fn of(&self, org: &OrgName) -> OrgKeys {
        OrgKeys { stem: format!("{}{{{}}}:", self.prefix, tag(org.as_str())) }
    }

    /// The values and the expiries of a table of shared entries.
    pub(super) fn table(&self, table: SharedTable) -> [Vec<u8>; 2] {
        ["values", "expiries"]
            .map(|part| format!("{}{{t:{}}}:{part}", self.prefix, table.as_str()).into_bytes())
    }

    /// The counts.
    pub(super) fn counts(&self) -> Vec<u8> {
        format!("{}{{t:counts}}:counts", self.prefix).into_bytes()
    }

    /// The number of the last batch of counts of a writer.
    pub(super) fn counted(&self, writer: &str) -> Vec<u8> {
        format!("{}{{t:counts}}:writer:{writer}", self.prefix).into_bytes()
    }
}

/// Names the keys of one organisation.
#[derive(Clone, Debug)]
pub(super) struct OrgKeys {
    stem: String,
}

impl OrgKeys {
    /// Version and state of each repository.
    pub(super) fn repositories(&self) -> Vec<u8> {
        format!("{}repos", self.stem).into_bytes()
    }

    /// The records of a repository by fact.
    pub(super) fn facts(&self, repository: &RepoId) -> Vec<u8> {
        format!("{}facts:{}", self.stem, repository.as_str()).into_bytes()
    }

    /// The log of changes.
    pub(super) fn log(&self) -> Vec<u8> {
        format!("{}log", self.stem).into_bytes()
    }

    /// Where the log stands, and the fence.
    pub(super) fn meta(&self) -> Vec<u8> {
        format!("{}meta", self.stem).into_bytes()
    }
}

/// A name as a hash tag: what would end the tag early, or make it empty, is escaped.
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
    fn everything_of_an_organisation_has_its_one_hash_tag() {
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
