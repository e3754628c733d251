//! How lines are asked for.

use crate::activity::{DAY, WEEK};

/// Where lines come from, and how much may be spent on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocSettings {
    /// Seconds after which statistics are asked for again.
    pub refresh_interval: i64,
    /// Whether single commits are read where the statistics give no lines.
    pub fallback_enabled: bool,
    /// Most single commits of one repository and week.
    pub commits_per_week: usize,
    /// Most requests for single commits an hour.
    pub commits_per_hour: usize,
    /// Weeks of commits without a line after which a repository counts as too large for the statistics.
    pub zero_weeks: usize,
    /// Seconds for which the statistics of such a repository are not asked for again.
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
