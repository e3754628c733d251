//! The durations of leases.

use std::time::Duration;

use crate::config::LeaderElectionConfig;

/// The durations of leases. A leader stops before another replica can acquire the lease as long as
/// the difference of the two is larger than the clock drift in that time.
#[derive(Clone, Copy, Debug)]
pub struct LeaseTiming {
    /// How long a lease is valid after its last renewal.
    pub lease_duration: Duration,
    /// How long a leader continues after its last successful renewal.
    pub renew_deadline: Duration,
}

impl LeaseTiming {
    pub fn from_config(config: &LeaderElectionConfig) -> Self {
        LeaseTiming { lease_duration: config.lease_duration, renew_deadline: config.renew_deadline }
    }

    /// Deadline of one attempt, so that a leader whose request was lost has time for another one.
    pub(super) fn attempt_limit(self) -> Duration {
        self.renew_deadline / 2
    }
}
