//! The settings for collecting lines of code.

use crate::activity::{DAY, WEEK};

/// Where lines of code come from, and how many requests may be spent on them: the configuration
/// section `loc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocSettings {
    /// Seconds after which statistics are requested again.
    pub refresh_interval: i64,
    /// Whether single commits are read if the statistics contain no lines.
    pub fallback_enabled: bool,
    /// The maximum number of single commits read of one repository and week.
    pub commits_per_week: usize,
    /// The maximum number of requests for single commits an hour, per organisation.
    pub commits_per_hour: usize,
    /// The number of weeks with commits but without a line after which a repository counts as too
    /// large for the statistics.
    pub zero_weeks: usize,
    /// Seconds for which the statistics of such a repository are not requested again.
    pub large_cooldown: i64,
}

impl Default for LocSettings {
    fn default() -> Self {
        LocSettings {
            refresh_interval: DAY,
            fallback_enabled: true,
            commits_per_week: 500,
            commits_per_hour: 3_000,
            zero_weeks: 2,
            large_cooldown: WEEK,
        }
    }
}
