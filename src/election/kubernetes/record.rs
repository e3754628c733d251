//! What a Lease says: plain functions between the object and its meaning.

use std::time::Duration;

use jiff::Timestamp;
use kube::core::DynamicObject;
use serde_json::{Map, Value, json};

/// The election record in a Lease. Two that are equal are the same renewal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LeaderElectionRecord {
    /// Who holds it; `None` when it was released or never held.
    pub(super) holder: Option<String>,
    /// How long the holder said it lasts.
    pub(super) lasts: Option<Duration>,
    transitions: Option<i64>,
    renewed: Option<String>,
    acquired: Option<String>,
}

impl LeaderElectionRecord {
    /// Reads what is there; what makes no sense is as good as absent.
    pub(super) fn of(lease: &DynamicObject) -> Self {
        let spec = &lease.data["spec"];
        let text = |key: &str| spec[key].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        LeaderElectionRecord {
            holder: text("holderIdentity"),
            lasts: spec["leaseDurationSeconds"].as_u64().map(Duration::from_secs),
            transitions: spec["leaseTransitions"].as_i64(),
            renewed: text("renewTime"),
            acquired: text("acquireTime"),
        }
    }
}

/// Makes `identity` the holder as of `now`; everything else that the Lease says stays as it is.
pub(super) fn take(lease: &mut DynamicObject, identity: &str, lasts: Duration, now: Timestamp) {
    let before = LeaderElectionRecord::of(lease);
    let renews = before.holder.as_deref() == Some(identity);
    let spec = spec(lease);
    spec.insert("holderIdentity".into(), json!(identity));
    spec.insert("leaseDurationSeconds".into(), json!(whole_seconds(lasts)));
    spec.insert("renewTime".into(), json!(micro_time(now)));
    if !renews {
        spec.insert("acquireTime".into(), json!(micro_time(now)));
        // Of a new Lease it is the first holder, which is no transition.
        let transitions = before.transitions.map_or(0, |before| before.saturating_add(1));
        spec.insert("leaseTransitions".into(), json!(transitions));
    }
}

/// Makes it nobody's, in the way that other users of Leases understand.
pub(super) fn release(lease: &mut DynamicObject, now: Timestamp) {
    let spec = spec(lease);
    spec.insert("holderIdentity".into(), json!(""));
    spec.insert("leaseDurationSeconds".into(), json!(1));
    spec.insert("renewTime".into(), json!(micro_time(now)));
    spec.insert("acquireTime".into(), json!(micro_time(now)));
}

fn spec(lease: &mut DynamicObject) -> &mut Map<String, Value> {
    if !lease.data.is_object() {
        lease.data = json!({});
    }
    let spec = &mut lease.data["spec"];
    if !spec.is_object() {
        *spec = json!({});
    }
    match spec {
        Value::Object(spec) => spec,
        _ => unreachable!("it was made an object"),
    }
}

/// Leases count in whole seconds, and at least one.
fn whole_seconds(duration: Duration) -> i64 {
    let rounded_up = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    i64::try_from(rounded_up.max(1)).unwrap_or(i64::from(i32::MAX)).min(i64::from(i32::MAX))
}

/// As Kubernetes writes a `MicroTime`, and reads no other: always six digits.
fn micro_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(text: &str) -> DynamicObject {
        serde_json::from_str(text).expect("a Lease")
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn times_have_six_digits_whatever_they_are() {
        for (time, written) in [
            ("2026-02-03T04:05:06Z", "2026-02-03T04:05:06.000000Z"),
            ("2026-02-03T04:05:06.7Z", "2026-02-03T04:05:06.700000Z"),
            ("2026-02-03T04:05:06.123456789Z", "2026-02-03T04:05:06.123456Z"),
        ] {
            assert_eq!(micro_time(at(time)), written);
        }
    }

    #[test]
    fn durations_are_rounded_up_to_whole_seconds() {
        for (millis, seconds) in [(0, 1), (300, 1), (1_000, 1), (1_001, 2), (15_000, 15)] {
            assert_eq!(whole_seconds(Duration::from_millis(millis)), seconds);
        }
    }

    #[test]
    fn taking_counts_transitions_and_keeps_what_others_wrote() {
        let mut lease = lease(
            r#"{"apiVersion":"coordination.k8s.io/v1","kind":"Lease",
                "metadata":{"name":"l","labels":{"app":"x"},"annotations":{"a":"b"},"resourceVersion":"7"},
                "spec":{"holderIdentity":"other","leaseDurationSeconds":30,"leaseTransitions":4,"strategy":"later",
                        "acquireTime":"2026-01-01T00:00:00.000000Z","renewTime":"2026-01-01T00:00:00.000000Z"}}"#,
        );
        let lasts = Duration::from_secs(15);
        take(&mut lease, "me", lasts, at("2026-02-03T04:05:06Z"));
        let acquired = LeaderElectionRecord::of(&lease);
        assert_eq!(
            (acquired.holder.as_deref(), acquired.lasts, acquired.transitions),
            (Some("me"), Some(lasts), Some(5))
        );
        take(&mut lease, "me", lasts, at("2026-02-03T04:05:08Z"));
        let renewed = LeaderElectionRecord::of(&lease);
        assert_eq!((renewed.transitions, &renewed.acquired), (Some(5), &acquired.acquired));
        assert_ne!(renewed, acquired, "each renewal is seen");
        release(&mut lease, at("2026-02-03T04:05:09Z"));
        let released = LeaderElectionRecord::of(&lease);
        assert_eq!((released.holder, released.lasts), (None, Some(Duration::from_secs(1))));
        take(&mut lease, "next", lasts, at("2026-02-03T04:05:10Z"));
        assert_eq!(LeaderElectionRecord::of(&lease).transitions, Some(6));
        assert_eq!(lease.data["spec"]["strategy"], "later");
        assert_eq!(lease.metadata.labels.expect("labels")["app"], "x");
        assert_eq!(lease.metadata.resource_version.as_deref(), Some("7"));
    }

    #[test]
    fn what_makes_no_sense_is_as_good_as_absent() {
        for spec in
            ["null", "7", "{}", r#"{"holderIdentity":7,"leaseDurationSeconds":-1,"leaseTransitions":"x"}"#]
        {
            let mut lease = lease(&format!(r#"{{"metadata":{{}},"spec":{spec}}}"#));
            assert_eq!(LeaderElectionRecord::of(&lease), LeaderElectionRecord::default());
            take(&mut lease, "me", Duration::from_secs(15), at("2026-02-03T04:05:06Z"));
            assert_eq!(LeaderElectionRecord::of(&lease).holder.as_deref(), Some("me"));
        }
    }
}
