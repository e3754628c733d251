//! Settings of a rate limiter.

use std::time::Duration;

/// How much of GitHub's rate limits may be used.
#[derive(Clone, Copy, Debug)]
pub struct RateLimiterSettings {
    /// Points of each resource that are never spent; at most a tenth of its limit.
    pub min_remaining: u64,
    /// Time added to the reset of a limit, to allow for clock differences.
    pub reset_buffer: Duration,
    /// First wait after a secondary rate limit for which GitHub names no duration.
    pub secondary_backoff: Duration,
    /// Requests in flight at once; GitHub allows a hundred.
    pub concurrency: usize,
    /// Percentage of GitHub's points per minute that may be used.
    pub minute_percent: u64,
}

impl Default for RateLimiterSettings {
    fn default() -> Self {
        RateLimiterSettings {
            min_remaining: 200,
            reset_buffer: Duration::from_secs(10),
            secondary_backoff: Duration::from_secs(60),
            concurrency: 80,
            minute_percent: 80,
        }
    }
}
