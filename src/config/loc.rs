//! The section `loc`.

use std::time::Duration;

use super::ConfigError;
use super::checks::Checks;
use super::section::section;

section! {
    /// Where added and deleted lines of code come from.
    pub struct LocConfig {
        /// How often GitHub's weekly statistics are requested, if lines come from them.
        refresh_interval: Duration = Duration::from_secs(86_400),
        /// Whether lines are read from single commits where the statistics have none.
        fallback_enabled: bool = true,
        /// Commits that are read in this way per repository and week, at most.
        fallback_max_commits_per_repo_per_week: u32 = 500,
        /// Requests for single commits per organisation and hour, at most.
        fallback_max_commit_detail_calls_per_org_per_hour: u32 = 3_000,
        /// Weeks with commits but without lines after which a repository counts as too large for
        /// the statistics.
        large_repo_zero_detection_windows: u32 = 2,
        /// How long the statistics of such a repository are not requested again.
        large_repo_cooldown: Duration = Duration::from_secs(7 * 86_400),
    }
}

impl LocConfig {
    pub(super) fn check(&self, checks: &mut Checks<'_>) -> Result<(), ConfigError> {
        checks.positive("loc.refresh_interval", self.refresh_interval)?;
        checks.positive("loc.large_repo_cooldown", self.large_repo_cooldown)?;
        checks.at_least_one(
            "loc.large_repo_zero_detection_windows",
            self.large_repo_zero_detection_windows.into(),
        )?;
        if self.fallback_enabled {
            self.check_fallback(checks)?;
        }
        Ok(())
    }

    fn check_fallback(&self, checks: &Checks<'_>) -> Result<(), ConfigError> {
        for (key, value) in [
            ("loc.fallback_max_commits_per_repo_per_week", self.fallback_max_commits_per_repo_per_week),
            (
                "loc.fallback_max_commit_detail_calls_per_org_per_hour",
                self.fallback_max_commit_detail_calls_per_org_per_hour,
            ),
        ] {
            checks.require(value > 0, &[key], || {
                format!("{key} must be at least 1, but is 0; to read no single commits use loc.fallback_enabled: false")
            })?;
        }
        Ok(())
    }
}
