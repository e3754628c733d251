//! The version of a repository's data, for optimistic concurrency. Each write sets a new random
//! one.
//!
//! A counter would not be safe: after a failover that loses the last writes, new writes would get
//! the same numbers, and a writer that had read the lost ones would not notice the conflict.

use std::fmt;

use rand::RngExt;

/// A random number, written as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RepoVersion(pub(super) u64);

impl RepoVersion {
    /// Length of the text in bytes.
    pub(super) const LENGTH: usize = 16;

    /// A new random version.
    pub(super) fn new() -> Self {
        RepoVersion(rand::rng().random())
    }

    /// Parses the 16 hexadecimal digits.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() == Self::LENGTH)?;
        u64::from_str_radix(text, 16).ok().map(RepoVersion)
    }
}

impl fmt::Display for RepoVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
