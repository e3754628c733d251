//! What was seen of a Lease, and when.

use std::time::Duration;

use kube::core::DynamicObject;
use tokio::time::Instant;

use super::record::LeaderElectionRecord;

/// What was seen last, and when it was seen to change. Whether another's lease has ended is judged by that alone: clocks of
/// different machines are never compared.
#[derive(Clone, Debug)]
pub(super) struct LeaseObservation {
    /// The object, to be sent back with changes.
    pub(super) lease: DynamicObject,
    pub(super) record: LeaderElectionRecord,
    changed_at: Instant,
}

impl LeaseObservation {
    /// Takes over what was just read.
    pub(super) fn after(before: Option<&LeaseObservation>, lease: DynamicObject) -> Self {
        let record = LeaderElectionRecord::of(&lease);
        let unchanged = before.filter(|before| before.record == record);
        LeaseObservation { lease, record, changed_at: unchanged.map_or_else(Instant::now, |b| b.changed_at) }
    }

    /// When a holder that renews no more is out of office; now, where there is none.
    pub(super) fn ends(&self, unless_told: Duration) -> Instant {
        match self.record.holder {
            None => self.changed_at,
            Some(_) => self.changed_at + self.record.lasts.unwrap_or(unless_told),
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
    async fn a_lease_ends_so_long_after_its_last_change_was_seen_whatever_times_it_tells() {
        let second = Duration::from_secs(1);
        let start = Instant::now();
        let first = seen(None, "other", "1999-01-01T00:00:00.000000Z");
        assert_eq!(first.ends(second), start + 15 * second, "it may have been renewed just now");
        tokio::time::advance(5 * second).await;
        let same = seen(Some(&first), "other", "1999-01-01T00:00:00.000000Z");
        assert_eq!(same.ends(second), start + 15 * second);
        let renewed = seen(Some(&same), "other", "1999-01-01T00:00:02.000000Z");
        assert_eq!(renewed.ends(second), start + 20 * second);
        assert_eq!(seen(Some(&renewed), "", "1999-01-01T00:00:03.000000Z").ends(second), Instant::now());
    }
}
