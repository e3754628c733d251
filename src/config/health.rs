//! The section `health`.

use std::time::Duration;

use super::ConfigError;
use super::checks::Checks;
use super::section::section;

section! {
    /// How GitHub's health is assessed.
    pub struct HealthConfig {
        /// Time between two probes of GitHub.
        github_probe_interval: Duration = Duration::from_secs(30),
        /// Consecutive successful cycles after which a recovering organisation is healthy again.
        github_recover_success_threshold: u32 = 3,
    }
}

impl HealthConfig {
    pub(super) fn check(&self, checks: &mut Checks<'_>) -> Result<(), ConfigError> {
        checks.positive("health.github_probe_interval", self.github_probe_interval)?;
        checks.at_least_one(
            "health.github_recover_success_threshold",
            self.github_recover_success_threshold.into(),
        )
    }
}
