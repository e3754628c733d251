//! While Redis is unreachable no leader can be elected, but collecting continues.

use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::support::redis::RedisServer;
use crate::support::{Replica, busy_world, config, settle, simulator, wait_for_health};

/// Upper bound for electing a leader again.
const TIMEOUT: Duration = Duration::from_secs(60);

fn leads_without_election(health: &Value) -> bool {
    let detail = health["components"]["election"]["detail"].as_str().unwrap_or("");
    health["role"] == "follower" && detail.contains("goes on collecting into its local store")
}

#[tokio::test]
#[ignore = "needs redis-server; tests/run runs it"]
async fn while_redis_is_down_the_last_leader_keeps_collecting_until_another_is_elected() {
    let simulator = simulator(busy_world("acme"));
    let first_seen = simulator.now();
    let mut redis = RedisServer::start(&["appendonly yes", "appendfsync always"]).await;
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
    wait_for_health(&leader, "it leads", |health| health["role"] == "leader").await;
    let follower = Replica::serve(folders[1].path(), &text("two")).await;
    settle(&follower, &simulator, first_seen).await;
    let epoch = |text: String| serde_json::from_str::<Value>(&text).expect("JSON")["epoch"].as_u64();
    let before = epoch(leader.get("/healthz").await.1).expect("it leads");
    redis.kill();
    wait_for_health(&leader, "it collects without leading", leads_without_election).await;
    for _ in 0..3 {
        simulator.advance(Duration::from_secs(600));
        sleep(Duration::from_millis(500)).await;
    }
    settle(&leader, &simulator, first_seen).await;
    let (_, health) = follower.get("/healthz").await;
    let health: Value = serde_json::from_str(&health).expect("JSON");
    assert!(
        health["role"] == "follower" && !leads_without_election(&health),
        "it was not the last leader: {health}"
    );
    redis.restart().await;
    for replica in [&leader, &follower] {
        wait_for_health(replica, "the shared store is in use again", |health| {
            health["components"]["store"]["status"] == "healthy" && !leads_without_election(health)
        })
        .await;
        settle(replica, &simulator, first_seen).await;
    }
    let deadline = Instant::now() + TIMEOUT;
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
