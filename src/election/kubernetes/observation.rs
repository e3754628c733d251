//! The last observed version of a Lease, and when it changed.

use std::time::Duration;

use kube::core::DynamicObject;
use tokio::time::Instant;

use super::record::LeaderElectionRecord;

/// The last observed version, and when it was first observed. Whether a lease has expired depends
/// on this alone; the clocks of different machines are never compared.
#[derive(Clone, Debug)]
pub(super) struct LeaseObservation {
    /// The object, to be sent back in updates.
    pub(super) lease: DynamicObject,
    pub(super) record: LeaderElectionRecord,
    changed_at: Instant,
}

impl LeaseObservation {
    /// The observation after reading `lease`.
    pub(super) fn after(before: Option<&LeaseObservation>, lease: DynamicObject) -> Self {
        let record = LeaderElectionRecord::of(&lease);
        let unchanged = before.filter(|before| before.record == record);
        LeaseObservation { lease, record, changed_at: unchanged.map_or_else(Instant::now, |b| b.changed_at) }
    }

    /// When the lease expires unless it is renewed; a lease without holder has expired.
    /// `default_duration` applies if the record has no duration.
    pub(super) fn expires(&self, default_duration: Duration) -> Instant {
        match self.record.holder {
            None => self.changed_at,
            Some(_) => self.changed_at + self.record.duration.unwrap_or(default_duration),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(before: Option<&LeaseObservation>, holder: &str, renewed: &str) -> LeaseObservation {
        let spec = serde_json::json!({
            "metadata": {},
            "spec": {"holderIdentity": holder, "leaseDurationSeconds": 15, "renewTime": renewed},
        });
        LeaseObservation::after(before, serde_json::from_value(spec).expect("a Lease"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_expires_its_duration_after_the_last_observed_change_whatever_its_timestamps_say() {
        let second = Duration::from_secs(1);
        let start = Instant::now();
        let first = seen(None, "other", "1999-01-01T00:00:00.000000Z");
        assert_eq!(first.expires(second), start + 15 * second, "it may have been renewed just now");
        tokio::time::advance(5 * second).await;
        let same = seen(Some(&first), "other", "1999-01-01T00:00:00.000000Z");
        assert_eq!(same.expires(second), start + 15 * second);
        let renewed = seen(Some(&same), "other", "1999-01-01T00:00:02.000000Z");
        assert_eq!(renewed.expires(second), start + 20 * second);
        assert_eq!(seen(Some(&renewed), "", "1999-01-01T00:00:03.000000Z").expires(second), Instant::now());
    }
}
