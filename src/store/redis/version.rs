//! The version of a repository: random, so that no two writes ever give the same one, whatever was lost between them.
//!
//! A counter would do until a failover loses the last writes: the next ones would be numbered alike, and somebody who decided
//! on the lost ones would be believed.

use std::fmt;

use rand::RngExt;

/// Sixteen hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordVersion(pub(super) u64);

impl RecordVersion {
    /// How many bytes it takes.
    pub(super) const LENGTH: usize = 16;

    /// One that nobody had before.
    pub(super) fn new() -> Self {
        RecordVersion(rand::rng().random())
    }

    /// Reads it.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() == Self::LENGTH)?;
        u64::from_str_radix(text, 16).ok().map(RecordVersion)
    }
}

impl fmt::Display for RecordVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
