//! The section `rate_limit`.

use std::time::Duration;

use super::checks::Checks;
use super::section::section;
use super::{ConfigError, GithubConfig, HttpUrl};

/// A tenth of the largest hourly limit on GitHub.com (15,000 points, Enterprise Cloud).
const MAX_THRESHOLD: u32 = 1_500;

section! {
    /// How GitHub's rate limits are respected.
    pub struct RateLimitConfig {
        /// Points that are never spent; at most a tenth of the limit.
        min_remaining_threshold: u32 = 200,
        /// Time added to the reset of a limit, to allow for clock differences.
        min_reset_buffer: Duration = Duration::from_secs(10),
        /// First pause after a secondary rate limit for which GitHub names no duration.
        secondary_limit_backoff: Duration = Duration::from_secs(60),
    }
}

impl RateLimitConfig {
    pub(super) fn check(&self, checks: &mut Checks<'_>, github: &GithubConfig) -> Result<(), ConfigError> {
        const THRESHOLD: &str = "rate_limit.min_remaining_threshold";
        checks.positive("rate_limit.secondary_limit_backoff", self.secondary_limit_backoff)?;
        // The limits of an Enterprise Server are set by its administrator.
        let known_limit = github.api_base_url == HttpUrl::github();
        checks.require(!known_limit || self.min_remaining_threshold <= MAX_THRESHOLD, &[THRESHOLD], || {
            format!(
                "{THRESHOLD} is {}, but at most a tenth of the limit can be kept in reserve and GitHub grants at most 15000 points per hour; use {MAX_THRESHOLD} or less",
                self.min_remaining_threshold,
            )
        })
    }
}
