//! With Redis gone nobody can be elected; collecting goes on.

use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::acceptance::{config, lively, simulator};
use crate::replicas::until;
use crate::support::redis::{Server, installed};
use crate::support::{Replica, settle};

/// How long it may take until somebody leads again.
const PATIENCE: Duration = Duration::from_secs(60);

fn stands_in(health: &Value) -> bool {
    let detail = health["components"]["election"]["detail"].as_str().unwrap_or("");
    health["role"] == "follower" && detail.contains("goes on collecting into its local store")
}

#[tokio::test]
async fn with_redis_gone_whoever_led_last_goes_on_collecting_until_another_is_elected() {
    if !installed() {
        return;
    }
    let simulator = simulator(lively("acme"));
    let first_seen = simulator.now();
    let mut redis = Server::start(&["appendonly yes", "appendfsync always"]).await;
    let folders = [(); 2].map(|()| TempDir::new().expect("a folder"));
    let text = |name: &str| {
        format!(
            "{}store: {{backend: redis, redis_addr: \"{}\"}}\n\
             leader_election: {{lease_duration: 3s, renew_deadline: 2s, retry_period: 500ms}}\n",
            config(&simulator, "acme").replace("server: {", &format!("server: {{replica_id: {name}, ")),
            redis.address()
        )
    };
    let leader = Replica::serve(folders[0].path(), &text("one")).await;
    until(&leader, "it leads", |health| health["role"] == "leader").await;
    let follower = Replica::serve(folders[1].path(), &text("two")).await;
    settle(&follower, &simulator, first_seen).await;
    let epoch = |text: String| serde_json::from_str::<Value>(&text).expect("JSON")["epoch"].as_u64();
    let before = epoch(leader.get("/healthz").await.1).expect("it leads");
    redis.kill();
    until(&leader, "it leads no more, and goes on", stands_in).await;
    for _ in 0..3 {
        simulator.advance(Duration::from_secs(600));
        sleep(Duration::from_millis(500)).await;
    }
    settle(&leader, &simulator, first_seen).await;
    let (_, health) = follower.get("/healthz").await;
    let health: Value = serde_json::from_str(&health).expect("JSON");
    assert!(health["role"] == "follower" && !stands_in(&health), "another led last: {health}");
    redis.restart().await;
    for replica in [&leader, &follower] {
        until(replica, "the shared store is in use again", |health| {
            health["components"]["store"]["status"] == "healthy" && !stands_in(health)
        })
        .await;
        settle(replica, &simulator, first_seen).await;
    }
    let deadline = Instant::now() + PATIENCE;
    let after = loop {
        match [epoch(leader.get("/healthz").await.1), epoch(follower.get("/healthz").await.1)] {
            [Some(epoch), None] | [None, Some(epoch)] => break epoch,
            both => {
                assert!(both == [None, None] && Instant::now() < deadline, "{both:?} lead after {before}")
            }
        }
        sleep(Duration::from_millis(50)).await;
    };
    assert!(after > before, "epoch {after} after {before}");
}
