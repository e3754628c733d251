//! The section `backfill`.

use std::time::Duration;

use super::checks::Checks;
use super::section::section;
use super::{ConfigError, StoreConfig};

section! {
    /// How windows that were not scraped in time are repaired.
    pub struct BackfillConfig {
        /// Whether this replica repairs windows.
        enabled: bool = true,
        /// Age beyond which a job goes to the dead letters as expired.
        max_message_age: Duration = Duration::from_secs(86_400),
        /// Jobs that one replica works on at once.
        consumer_count: u16 = 6,
        /// Pauses before the further attempts at a job; attempts are one more than pauses.
        requeue_delays: Vec<Duration> = [60, 300, 1_800, 7_200].map(Duration::from_secs).to_vec(),
        /// Windows are widened to multiples of this, so that neighbours become one job.
        coalesce_window: Duration = Duration::from_secs(900),
        /// Longest time that a job suppresses its duplicates.
        dedup_ttl: Duration = Duration::from_secs(43_200),
        /// Most jobs that one organisation enqueues a minute; the rest comes with the next sweep.
        max_enqueues_per_org_per_minute: u32 = 200,
    }
}

impl BackfillConfig {
    pub(super) fn check(&self, checks: &mut Checks<'_>, store: &StoreConfig) -> Result<(), ConfigError> {
        const AGE: &str = "backfill.max_message_age";
        const WINDOW: &str = "backfill.coalesce_window";
        checks.positive(AGE, self.max_message_age)?;
        checks.positive("backfill.dedup_ttl", self.dedup_ttl)?;
        checks.positive(WINDOW, self.coalesce_window)?;
        checks.not_longer((WINDOW, self.coalesce_window), ("store.retention", store.retention))?;
        checks.that(self.consumer_count > 0, &["backfill.consumer_count"], || {
            "backfill.consumer_count must be at least 1, but is 0; to repair nothing use backfill.enabled: false".to_owned()
        })?;
        checks.at_least_one(
            "backfill.max_enqueues_per_org_per_minute",
            self.max_enqueues_per_org_per_minute.into(),
        )?;
        self.check_delays(checks)
    }

    fn check_delays(&self, checks: &mut Checks<'_>) -> Result<(), ConfigError> {
        const DELAYS: &str = "backfill.requeue_delays";
        checks.that(!self.requeue_delays.is_empty(), &[DELAYS], || {
            format!(
                "{DELAYS} is empty, so that a failed job could never be tried again; use for example [1m, 5m]"
            )
        })?;
        for (i, delay) in self.requeue_delays.iter().enumerate() {
            checks.positive(&format!("{DELAYS}[{i}]"), *delay)?;
        }
        let total: Duration = self.requeue_delays.iter().sum();
        if total >= self.max_message_age {
            checks.warn(
                DELAYS,
                "together they reach backfill.max_message_age, so jobs expire before their last attempt",
            );
        }
        Ok(())
    }
}
