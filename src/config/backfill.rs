//! The section `backfill`.

use std::time::Duration;

use super::checks::Checks;
use super::section::section;
use super::{ConfigError, StoreConfig};

section! {
    /// How windows that were not scraped in time are filled in later.
    pub struct BackfillConfig {
        /// Whether this replica processes backfill jobs.
        enabled: bool = true,
        /// Age at which a job expires and becomes a dead letter.
        max_message_age: Duration = Duration::from_secs(86_400),
        /// Jobs that one replica processes concurrently.
        consumer_count: u16 = 6,
        /// Delays before the retries of a failed job; there is one more attempt than delays.
        requeue_delays: Vec<Duration> = [60, 300, 1_800, 7_200].map(Duration::from_secs).to_vec(),
        /// Windows are widened to multiples of this, so that adjacent ones become one job.
        coalesce_window: Duration = Duration::from_secs(900),
        /// How long a job suppresses its duplicates at most.
        dedup_ttl: Duration = Duration::from_secs(43_200),
        /// Jobs that may be enqueued per organisation and minute; the rest follows with the next
        /// sweep.
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
        checks.require(self.consumer_count > 0, &["backfill.consumer_count"], || {
            "backfill.consumer_count must be at least 1, but is 0; to process no jobs use backfill.enabled: false".to_owned()
        })?;
        checks.at_least_one(
            "backfill.max_enqueues_per_org_per_minute",
            self.max_enqueues_per_org_per_minute.into(),
        )?;
        self.check_delays(checks)
    }

    fn check_delays(&self, checks: &mut Checks<'_>) -> Result<(), ConfigError> {
        const DELAYS: &str = "backfill.requeue_delays";
        checks.require(!self.requeue_delays.is_empty(), &[DELAYS], || {
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
