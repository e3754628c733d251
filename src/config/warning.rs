//! Warnings about a valid configuration.

use std::fmt;

use super::Origin;

/// Something that is valid, but probably not intended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigWarning {
    /// Where it was set.
    pub at: Origin,
    /// The key with its path, such as `metrics.topology`.
    pub key: String,
    /// One clause that says what happens instead.
    pub message: String,
}

impl fmt::Display for ConfigWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Origin::Default => write!(f, "{}: {}", self.key, self.message),
            _ => write!(f, "{}: {}: {}", self.at, self.key, self.message),
        }
    }
}
