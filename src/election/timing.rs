//! How long leaderships last.

use std::time::Duration;

use crate::config::LeaderElectionConfig;

/// How long leaderships last. A leader stops by itself before another can begin as long as `renew_deadline` is shorter than
/// `lease_duration` by more than clocks drift apart in that time.
#[derive(Clone, Copy, Debug)]
pub struct LeaseTiming {
    /// How long a leadership lasts without renewal.
    pub lease_duration: Duration,
    /// How long a leader goes on without a renewal that succeeded.
    pub renew_deadline: Duration,
}

impl LeaseTiming {
    /// As configured.
    pub fn from_config(config: &LeaderElectionConfig) -> Self {
        LeaseTiming { lease_duration: config.lease_duration, renew_deadline: config.renew_deadline }
    }

    /// How long an attempt may take, so that a leader whose request was lost has time for another one.
    pub(super) fn attempt_limit(self) -> Duration {
        self.renew_deadline / 2
    }
}
