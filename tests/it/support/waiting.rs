//! Waiting for the state of a replica.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::Replica;

/// Upper bound for what takes seconds on an idle machine.
const TIMEOUT: Duration = Duration::from_secs(90);

/// Waits until `/healthz` is as wanted.
pub async fn wait_for_health(replica: &Replica, what: &str, wanted: impl Fn(&Value) -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let (_, text) = replica.get("/healthz").await;
        if serde_json::from_str(&text).is_ok_and(|health: Value| wanted(&health)) {
            return;
        }
        assert!(Instant::now() < deadline, "timed out waiting until {what}\n{text}\n{}", replica.log());
        sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until `/metrics` is as wanted.
pub async fn wait_for_metrics(replica: &Replica, what: &str, wanted: impl Fn(&str) -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let (_, text) = replica.get("/metrics").await;
        if wanted(&text) {
            return;
        }
        assert!(Instant::now() < deadline, "it does not show {what}:\n{text}\n{}", replica.log());
        sleep(Duration::from_millis(100)).await;
    }
}
