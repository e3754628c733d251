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

#[cfg(test)]
mod tests {
    use super::*;

    fn every_reason() -> Vec<ExitReason> {
        let message = || "test".to_owned();
        vec![
            ExitReason::Normal,
            ExitReason::Shutdown,
            ExitReason::Panicked { message: message() },
            ExitReason::Hung { silent_ms: 1 },
            ExitReason::StartFailed { message: message() },
            ExitReason::StartTimedOut,
            ExitReason::Failed { message: message() },
            ExitReason::Cancelled,
            ExitReason::Killed,
            ExitReason::Unkillable,
            ExitReason::Escalated { child: "child".into(), reason: Box::new(ExitReason::Normal) },
        ]
    }

    #[test]
    fn permanent_children_always_come_back() {
        assert!(every_reason().iter().all(|reason| Restart::Permanent.after(reason)));
    }

    #[test]
    fn transient_children_come_back_unless_their_end_was_orderly() {
        for reason in every_reason() {
            let orderly = matches!(reason, ExitReason::Normal | ExitReason::Shutdown);
            assert_eq!(Restart::Transient.after(&reason), !orderly, "{reason:?}");
        }
    }

    #[test]
    fn temporary_children_never_come_back() {
        assert!(!every_reason().iter().any(|reason| Restart::Temporary.after(reason)));
    }
}
