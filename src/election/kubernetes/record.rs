//! The election record in a Lease. Pure functions.

use std::time::Duration;

use jiff::Timestamp;
use kube::core::DynamicObject;
use serde_json::{Map, Value, json};

/// The election record in a Lease. Equal records belong to the same renewal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LeaderElectionRecord {
    /// The identity of the holder; `None` if it was released or never held.
    pub(super) holder: Option<String>,
    /// The lease duration that the holder has set.
    pub(super) duration: Option<Duration>,
    transitions: Option<i64>,
    renewed: Option<String>,
    acquired: Option<String>,
}

impl LeaderElectionRecord {
    /// Reads the record; invalid fields are treated as absent.
    pub(super) fn of(lease: &DynamicObject) -> Self {
        let spec = &lease.data["spec"];
        let text = |key: &str| spec[key].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        LeaderElectionRecord {
            holder: text("holderIdentity"),
            duration: spec["leaseDurationSeconds"].as_u64().map(Duration::from_secs),
            transitions: spec["leaseTransitions"].as_i64(),
            renewed: text("renewTime"),
            acquired: text("acquireTime"),
        }
    }
}

/// Makes `identity` the holder as of `now`. Unrelated fields of the Lease are preserved.
pub(super) fn set_holder(lease: &mut DynamicObject, identity: &str, duration: Duration, now: Timestamp) {
    let before = LeaderElectionRecord::of(lease);
    let renews = before.holder.as_deref() == Some(identity);
    let spec = spec(lease);
    spec.insert("holderIdentity".into(), json!(identity));
    spec.insert("leaseDurationSeconds".into(), json!(whole_seconds(duration)));
    spec.insert("renewTime".into(), json!(micro_time(now)));
    if !renews {
        spec.insert("acquireTime".into(), json!(micro_time(now)));
        // The first holder of a new Lease does not count as a transition.
        let transitions = before.transitions.map_or(0, |before| before.saturating_add(1));
        spec.insert("leaseTransitions".into(), json!(transitions));
    }
}

/// Removes the holder in the way that client-go does, so that other programs understand it.
pub(super) fn clear_holder(lease: &mut DynamicObject, now: Timestamp) {
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

/// `leaseDurationSeconds`: whole seconds, at least one.
fn whole_seconds(duration: Duration) -> i64 {
    let rounded_up = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    i64::try_from(rounded_up.max(1)).unwrap_or(i64::from(i32::MAX)).min(i64::from(i32::MAX))
}

/// A Kubernetes `MicroTime`, which must have exactly six decimal places.
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
    fn times_have_six_decimal_places() {
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
    fn setting_the_holder_counts_transitions_and_preserves_other_fields() {
        let mut lease = lease(
            r#"{"apiVersion":"coordination.k8s.io/v1","kind":"Lease",
                "metadata":{"name":"l","labels":{"app":"x"},"annotations":{"a":"b"},"resourceVersion":"7"},
                "spec":{"holderIdentity":"other","leaseDurationSeconds":30,"leaseTransitions":4,"strategy":"later",
                        "acquireTime":"2026-01-01T00:00:00.000000Z","renewTime":"2026-01-01T00:00:00.000000Z"}}"#,
        );
        let duration = Duration::from_secs(15);
        set_holder(&mut lease, "me", duration, at("2026-02-03T04:05:06Z"));
        let acquired = LeaderElectionRecord::of(&lease);
        assert_eq!(
            (acquired.holder.as_deref(), acquired.duration, acquired.transitions),
            (Some("me"), Some(duration), Some(5))
        );
        set_holder(&mut lease, "me", duration, at("2026-02-03T04:05:08Z"));
        let renewed = LeaderElectionRecord::of(&lease);
        assert_eq!((renewed.transitions, &renewed.acquired), (Some(5), &acquired.acquired));
        assert_ne!(renewed, acquired, "each renewal changes the record");
        clear_holder(&mut lease, at("2026-02-03T04:05:09Z"));
        let released = LeaderElectionRecord::of(&lease);
        assert_eq!((released.holder, released.duration), (None, Some(Duration::from_secs(1))));
        set_holder(&mut lease, "next", duration, at("2026-02-03T04:05:10Z"));
        assert_eq!(LeaderElectionRecord::of(&lease).transitions, Some(6));
        assert_eq!(lease.data["spec"]["strategy"], "later");
        assert_eq!(lease.metadata.labels.expect("labels")["app"], "x");
        assert_eq!(lease.metadata.resource_version.as_deref(), Some("7"));
    }

    #[test]
    fn invalid_fields_are_treated_as_absent() {
        for spec in
            ["null", "7", "{}", r#"{"holderIdentity":7,"leaseDurationSeconds":-1,"leaseTransitions":"x"}"#]
        {
            let mut lease = lease(&format!(r#"{{"metadata":{{}},"spec":{spec}}}"#));
            assert_eq!(LeaderElectionRecord::of(&lease), LeaderElectionRecord::default());
            set_holder(&mut lease, "me", Duration::from_secs(15), at("2026-02-03T04:05:06Z"));
            assert_eq!(LeaderElectionRecord::of(&lease).holder.as_deref(), Some("me"));
        }
    }
}
