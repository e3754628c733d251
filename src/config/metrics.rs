//! The section `metrics`.

use std::time::Duration;

use super::checks::Checks;
use super::section::section;
use super::{ConfigError, StoreConfig, format_duration};

section! {
    /// The content of `/metrics` and the period it covers.
    pub struct MetricsConfig {
        /// A series without activity stays at 0 for as long as its user was active within this
        /// time.
        active_window: Duration = Duration::from_secs(7 * 86_400),
        /// How far back a new repository is collected; two weeks contain the last complete week.
        history: Duration = Duration::from_secs(14 * 86_400),
    }
}

impl MetricsConfig {
    pub(super) fn check(&self, checks: &mut Checks<'_>, store: &StoreConfig) -> Result<(), ConfigError> {
        checks.positive("metrics.active_window", self.active_window)?;
        checks.positive("metrics.history", self.history)?;
        for (key, value) in [("metrics.history", self.history), ("metrics.active_window", self.active_window)]
        {
            checks.require(value <= store.retention, &[key, "store.retention"], || {
                format!(
                    "{key} ({}) must not be longer than store.retention ({}): older data is not kept",
                    format_duration(value),
                    format_duration(store.retention),
                )
            })?;
        }
        Ok(())
    }
}
