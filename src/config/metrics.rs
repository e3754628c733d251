//! The section `metrics`.

use std::time::Duration;

use super::checks::Checks;
use super::section::section;
use super::{ConfigError, StoreConfig, format_duration};

section! {
    /// What `/metrics` shows and how far back it reaches.
    pub struct MetricsConfig {
        /// A series is shown at 0 while its user was active within this time.
        active_window: Duration = Duration::from_secs(7 * 86_400),
        /// How far back a newly seen repository is collected; two weeks hold the last complete week.
        history: Duration = Duration::from_secs(14 * 86_400),
    }
}

impl MetricsConfig {
    pub(super) fn check(&self, checks: &mut Checks<'_>, store: &StoreConfig) -> Result<(), ConfigError> {
        checks.positive("metrics.active_window", self.active_window)?;
        checks.positive("metrics.history", self.history)?;
        for (key, value) in [("metrics.history", self.history), ("metrics.active_window", self.active_window)]
        {
            checks.that(value <= store.retention, &[key, "store.retention"], || {
                format!(
                    "{key} ({}) must not be longer than store.retention ({}): what lies further back is not kept",
                    format_duration(value),
                    format_duration(store.retention),
                )
            })?;
        }
        Ok(())
    }
}
