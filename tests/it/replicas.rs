//! Several replicas as processes on one Redis, during faults of Redis.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use github_sim::Simulator;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::sleep;

use crate::support::redis::{RedisServer, SentinelSetup};
use crate::support::{
    Replica, busy_world, config, counters, parse_gauges, settle, simulator, soak, wait_for_health,
    wait_for_metrics,
};

/// A leader and a follower that share a store.
struct ReplicaPair {
    leader: Arc<Replica>,
    follower: Arc<Replica>,
    _folders: [TempDir; 2],
}

async fn replica(folder: &Path, name: &str, role: &str, simulator: &Simulator, store: &str) -> Replica {
    let text = format!("{}store: {{backend: redis, {store}}}\n", config(simulator, "acme")).replace(
        "server: {",
        &format!("leader_election: {{enabled: false}}\nserver: {{replica_id: {name}, "),
    );
    Replica::serve_as(folder, &text, &[("GITHUB_STATS_INITIAL_ROLE", role)]).await
}

impl ReplicaPair {
    async fn start(simulator: &Simulator, store: &str) -> ReplicaPair {
        let folders = [(); 2].map(|()| TempDir::new().expect("a folder"));
        let leader = replica(folders[0].path(), "one", "leader", simulator, store).await;
        let follower = replica(folders[1].path(), "two", "follower", simulator, store).await;
        ReplicaPair { leader: Arc::new(leader), follower: Arc::new(follower), _folders: folders }
    }

    fn both(&self) -> [&Arc<Replica>; 2] {
        [&self.leader, &self.follower]
    }

    /// Waits until the metrics of both are correct, and therefore equal.
    async fn settle(&self, simulator: &Simulator, first_seen: jiff::Timestamp) {
        for replica in self.both() {
            settle(replica, simulator, first_seen).await;
        }
    }

    async fn wait_until_store_is_healthy(&self) {
        for replica in self.both() {
            wait_for_health(replica, "the shared store is in use again", |health| {
                health["components"]["store"]["status"] == "healthy"
            })
            .await;
        }
    }
}

/// Scrapes until `stop` is set. Every response is a page with gauges, and no counter ever falls.
async fn watch(replica: Arc<Replica>, stop: Arc<AtomicBool>) -> usize {
    let mut last: BTreeMap<String, f64> = BTreeMap::new();
    let mut asked = 0;
    while !stop.load(Ordering::Relaxed) {
        let (status, text) = replica.get("/metrics").await;
        assert_eq!(status, 200, "after {asked} answers: {text}\n{}", replica.log());
        assert!(!parse_gauges(&text).is_empty(), "the last state is served\n{}", replica.log());
        for (name, value) in counters(&text) {
            let before = last.insert(name.clone(), value).unwrap_or(0.0);
            assert!(value >= before, "{name} fell from {before} to {value}\n{}", replica.log());
        }
        asked += 1;
        sleep(Duration::from_millis(50)).await;
    }
    asked
}

async fn while_scraped(pair: &ReplicaPair, disruption: impl Future<Output = ()>) {
    let stop = Arc::new(AtomicBool::new(false));
    let watches = pair.both().map(|replica| tokio::spawn(watch(replica.clone(), stop.clone())));
    disruption.await;
    stop.store(true, Ordering::Relaxed);
    for watch in watches {
        let asked = watch.await.expect("every answer was a page and no counter fell");
        assert!(asked > 3, "it was asked {asked} times");
    }
}

/// Lets real time pass, and ten simulated minutes in each second.
async fn let_time_pass(simulator: &Simulator, seconds: u64) {
    for _ in 0..seconds {
        simulator.advance(Duration::from_secs(600));
        sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test]
#[ignore = "needs redis-server; tests/run runs it"]
async fn two_replicas_show_the_same_metrics_through_all_faults_of_redis() {
    let simulator = simulator(busy_world("acme"));
    let first_seen = simulator.now();
    let mut redis = RedisServer::start(&["appendonly yes", "appendfsync always"]).await;
    let pair = ReplicaPair::start(&simulator, &format!("redis_addr: \"{}\"", redis.address())).await;
    pair.settle(&simulator, first_seen).await;
    let (pair_, simulator_) = (&pair, &simulator);
    let (short, long) = if soak() { (10, 20) } else { (2, 4) };
    let redis = &mut redis;
    while_scraped(&pair, async move {
        let away = |health: &Value| health["components"]["store"]["status"] == "degraded";
        // Killed: what is collected meanwhile is merged afterwards.
        redis.kill();
        wait_for_health(&pair_.leader, "the outage shows", away).await;
        wait_for_health(&pair_.leader, "health reports since when and why", |health| {
            let store = &health["components"]["store"];
            store["since"].is_string() && store["detail"].as_str().is_some_and(|text| text.contains("redis"))
        })
        .await;
        let_time_pass(simulator_, short).await;
        settle(&pair_.leader, simulator_, first_seen).await;
        redis.restart().await;
        pair_.wait_until_store_is_healthy().await;
        pair_.settle(simulator_, first_seen).await;
        // Suspended: nothing blocks.
        redis.signal("STOP");
        let_time_pass(simulator_, long).await;
        wait_for_health(&pair_.follower, "silence is an outage", away).await;
        redis.signal("CONT");
        pair_.wait_until_store_is_healthy().await;
        pair_.settle(simulator_, first_seen).await;
        // Full.
        let _: String = redis.ask(&["CONFIG", "SET", "maxmemory", "1"]).await;
        let_time_pass(simulator_, short).await;
        wait_for_health(&pair_.leader, "a full redis is an outage", away).await;
        let _: String = redis.ask(&["CONFIG", "SET", "maxmemory", "0"]).await;
        pair_.wait_until_store_is_healthy().await;
        pair_.settle(simulator_, first_seen).await;
        // Emptied: the replicas fill it again from their copies.
        let keys_before: u64 = redis.ask(&["DBSIZE"]).await;
        let _: String = redis.ask(&["FLUSHALL"]).await;
        let filled = move |keys: &u64| *keys >= keys_before / 2;
        redis.wait_for(&["DBSIZE"], filled).await;
        let_time_pass(simulator_, short).await;
        pair_.wait_until_store_is_healthy().await;
        pair_.settle(simulator_, first_seen).await;
    })
    .await;
    let shown = [pair.leader.get("/metrics").await.1, pair.follower.get("/metrics").await.1];
    let names = |text: &str| counters(text).map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(&shown[0]), names(&shown[1]), "both show all counters of the other");
    for name in ["one", "two"] {
        let series = format!("gh_exporter_role{{replica=\"{name}\",role=\"leader\"}}");
        assert!(shown.iter().all(|text| text.contains(&series)), "{series} is on both pages");
    }
}

#[tokio::test]
#[ignore = "needs redis-server; tests/run runs it"]
async fn a_replica_starts_without_redis_and_one_that_ended_disappears_from_the_metrics() {
    let simulator = simulator(busy_world("acme"));
    let first_seen = simulator.now();
    let mut redis = RedisServer::start(&["save \"\""]).await;
    let store = format!("redis_addr: \"{}\"", redis.address());
    redis.kill();
    let folder = TempDir::new().expect("a folder");
    let alone = replica(folder.path(), "one", "leader", &simulator, &store).await;
    settle(&alone, &simulator, first_seen).await;
    let (status, _) = alone.get("/readyz").await;
    assert_eq!(status, 200, "it serves its local data");
    redis.restart().await;
    let other_folder = TempDir::new().expect("a folder");
    let mut other = replica(other_folder.path(), "two", "follower", &simulator, &store).await;
    settle(&other, &simulator, first_seen).await;
    let sees_other = |text: &str| text.contains("gh_exporter_build_info{replica=\"two\"");
    wait_for_metrics(&alone, "the other replica", sees_other).await;
    other.signal("TERM");
    assert!(other.wait(Duration::from_secs(20)).await.success(), "{}", other.log());
    wait_for_metrics(&alone, "no replica that has ended", |text| !sees_other(text)).await;
}

#[tokio::test]
#[ignore = "needs redis-server; tests/run runs it"]
async fn a_failover_by_the_sentinels_loses_nothing() {
    let simulator = simulator(busy_world("acme"));
    let first_seen = simulator.now();
    let mut servers = SentinelSetup::start().await;
    let sentinels: Vec<String> = servers.sentinels.iter().map(|s| format!("\"{}\"", s.address())).collect();
    let store = format!("redis_mode: sentinel, redis_sentinel_addrs: [{}]", sentinels.join(", "));
    let pair = ReplicaPair::start(&simulator, &store).await;
    pair.settle(&simulator, first_seen).await;
    let (pair_, simulator_) = (&pair, &simulator);
    while_scraped(&pair, async move {
        let master = servers.master().await;
        servers.servers[master].kill();
        let_time_pass(simulator_, 3).await;
        pair_.wait_until_store_is_healthy().await;
        pair_.settle(simulator_, first_seen).await;
    })
    .await;
}
