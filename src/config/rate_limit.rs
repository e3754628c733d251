//! The section `rate_limit`.

use std::time::Duration;

use super::checks::Checks;
use super::section::section;
use super::{ConfigError, GithubConfig, HttpUrl};

/// A tenth of the largest hourly limit that GitHub.com grants (15,000, Enterprise Cloud).
const LARGEST_THRESHOLD: u32 = 1_500;

section! {
    /// How GitHub's limits are respected.
    pub struct RateLimitConfig {
        /// Points that are left unspent; never more than a tenth of the limit.
        min_remaining_threshold: u32 = 200,
        /// Time added to a limit's reset, against clocks that differ.
        min_reset_buffer: Duration = Duration::from_secs(10),
        /// First pause after a secondary limit that names no time.
        secondary_limit_backoff: Duration = Duration::from_secs(60),
    }
}

impl RateLimitConfig {
    pub(super) fn check(&self, checks: &mut Checks<'_>, github: &GithubConfig) -> Result<(), ConfigError> {
        const THRESHOLD: &str = "rate_limit.min_remaining_threshold";
        checks.positive("rate_limit.secondary_limit_backoff", self.secondary_limit_backoff)?;
        // An Enterprise Server has the limits that its administrator chose.
        let known_limit = github.api_base_url == HttpUrl::github();
        checks.that(!known_limit || self.min_remaining_threshold <= LARGEST_THRESHOLD, &[THRESHOLD], || {
            format!(
                "{THRESHOLD} is {}, but at most a tenth of the limit can be kept back and GitHub grants at most 15000 points an hour; use {LARGEST_THRESHOLD} or less",
                self.min_remaining_threshold,
            )
        })
    }
}
