//! Whether a dead child lives again.

use serde::Serialize;

use super::ExitReason;

/// OTP's restart types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Restart {
    /// Always restarted, even after an orderly stop.
    #[default]
    Permanent,
    /// Restarted unless it stopped by itself.
    Transient,
    /// Never restarted.
    Temporary,
}

// === impl Restart ===

impl Restart {
    /// Whether a child of this type is restarted after this exit.
    pub fn after(self, reason: &ExitReason) -> bool {
        match self {
            Self::Permanent => true,
            Self::Transient => !reason.is_orderly(),
            Self::Temporary => false,
        }
    }
}
