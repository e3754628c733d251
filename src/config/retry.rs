//! The section `retry`.

use std::time::Duration;

use super::ConfigError;
use super::checks::Checks;
use super::section::section;

section! {
    /// How requests to GitHub are retried.
    pub struct RetryConfig {
        /// Attempts per request, the first included.
        max_attempts: u32 = 7,
        /// Pause before the first retry; it doubles with each further one.
        initial_backoff: Duration = Duration::from_secs(2),
        /// Longest pause between two attempts.
        max_backoff: Duration = Duration::from_secs(120),
        /// Whether pauses are randomised, so that replicas do not retry in step.
        jitter: bool = true,
    }
}

impl RetryConfig {
    pub(super) fn check(&self, checks: &mut Checks<'_>) -> Result<(), ConfigError> {
        checks.between("retry.max_attempts", self.max_attempts, 1, 100)?;
        checks.positive("retry.initial_backoff", self.initial_backoff)?;
        checks.not_longer(
            ("retry.initial_backoff", self.initial_backoff),
            ("retry.max_backoff", self.max_backoff),
        )
    }
}
