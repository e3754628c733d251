//! When a child is restarted.

use super::ExitReason;

/// When a child is restarted after an exit that its supervisor had not ordered: the restart types
/// of OTP.
///
/// | restart type | panic, hang, error, abort | stopped on its own |
/// |---|---|---|
/// | `Permanent` | restarted | restarted |
/// | `Transient` | restarted | stays down |
/// | `Temporary` | stays down | stays down |
///
/// A child that stays down affects no sibling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Restart {
    /// Always restarted, even after an orderly stop.
    #[default]
    Permanent,
    /// Restarted unless it stopped on its own.
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
    fn permanent_children_are_always_restarted() {
        assert!(every_reason().iter().all(|reason| Restart::Permanent.after(reason)));
    }

    #[test]
    fn transient_children_are_restarted_unless_their_exit_was_orderly() {
        for reason in every_reason() {
            let orderly = matches!(reason, ExitReason::Normal | ExitReason::Shutdown);
            assert_eq!(Restart::Transient.after(&reason), !orderly, "{reason:?}");
        }
    }

    #[test]
    fn temporary_children_are_never_restarted() {
        assert!(!every_reason().iter().any(|reason| Restart::Temporary.after(reason)));
    }
}
