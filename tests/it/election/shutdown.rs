//! Shutdown of a replica by SIGTERM.

use std::time::Duration;

use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::support::{Replica, busy_world, config, settle, simulator};

/// A replica with correct metrics and a delay before it drains.
async fn serving_replica(folder: &TempDir, drain_delay: &str) -> (Replica, github_sim::Simulator) {
    let simulator = simulator(busy_world("acme"));
    let text =
        config(&simulator, "acme").replace("server: {", &format!("server: {{drain_delay: {drain_delay}, "));
    let first_seen = simulator.now();
    let replica = Replica::serve(folder.path(), &text).await;
    settle(&replica, &simulator, first_seen).await;
    (replica, simulator)
}

#[tokio::test]
async fn it_is_unready_at_once_serves_to_the_end_and_exits_with_0_within_the_grace_period() {
    let folder = TempDir::new().expect("a folder");
    let (mut replica, _simulator) = serving_replica(&folder, "1s").await;
    assert_eq!(replica.get("/readyz").await.0, 200);
    replica.signal("TERM");
    let signalled_at = Instant::now();
    while replica.get("/readyz").await.0 == 200 {
        assert!(signalled_at.elapsed() < Duration::from_millis(500), "it is still ready");
        sleep(Duration::from_millis(5)).await;
    }
    let mut scrapes = 0;
    while signalled_at.elapsed() < Duration::from_millis(900) {
        let (status, text) = replica.get("/metrics").await;
        assert!(status == 200 && text.contains("gh_activity_"), "{status}: {text}");
        scrapes += 1;
        sleep(Duration::from_millis(50)).await;
    }
    assert!(scrapes > 2, "it was scraped {scrapes} times during shutdown");
    let status = replica.wait(Duration::from_secs(10)).await;
    assert!(status.success(), "it ended with {status}:\n{}", replica.log());
    assert!(signalled_at.elapsed() < Duration::from_secs(6), "it took {:?}", signalled_at.elapsed());
}

#[tokio::test]
async fn a_second_signal_does_not_wait() {
    let folder = TempDir::new().expect("a folder");
    let (mut replica, _simulator) = serving_replica(&folder, "4s").await;
    replica.signal("TERM");
    while replica.get("/readyz").await.0 == 200 {
        sleep(Duration::from_millis(5)).await;
    }
    let signalled_at = Instant::now();
    replica.signal("TERM");
    let status = replica.wait(Duration::from_secs(10)).await;
    assert_eq!(status.code(), Some(1), "{}", replica.log());
    assert!(signalled_at.elapsed() < Duration::from_secs(2), "it took {:?}", signalled_at.elapsed());
}
