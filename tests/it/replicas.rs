//! Several replicas as processes on one Redis, while that is tortured.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use github_sim::Simulator;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::acceptance::{config, lively, simulator};
use crate::support::redis::{Server, WatchedExporter, installed};
use crate::support::{Replica, counters, parse_gauges, settle, soak};

/// How long things may take that happen within seconds on a quiet machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A leader and a follower that share a store.
struct Pair {
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

impl Pair {
    async fn start(simulator: &Simulator, store: &str) -> Pair {
        let folders = [(); 2].map(|()| TempDir::new().expect("a folder"));
        let leader = replica(folders[0].path(), "one", "leader", simulator, store).await;
        let follower = replica(folders[1].path(), "two", "follower", simulator, store).await;
        Pair { leader: Arc::new(leader), follower: Arc::new(follower), _folders: folders }
    }

    fn both(&self) -> [&Arc<Replica>; 2] {
        [&self.leader, &self.follower]
    }

    /// Waits until both show the truth; then they show the same.
    async fn settle(&self, simulator: &Simulator, first_seen: jiff::Timestamp) {
        for replica in self.both() {
            settle(replica, simulator, first_seen).await;
        }
    }

    async fn until_all_is_well(&self) {
        for replica in self.both() {
            until(replica, "the shared store is in use again", |health| {
                health["components"]["store"]["status"] == "healthy"
            })
            .await;
        }
    }
}

pub async fn until(replica: &Replica, what: &str, wanted: impl Fn(&Value) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (_, text) = replica.get("/healthz").await;
        if serde_json::from_str(&text).is_ok_and(|health: Value| wanted(&health)) {
            return;
        }
        assert!(Instant::now() < deadline, "{what}: not so\n{text}\n{}", replica.log());
        sleep(Duration::from_millis(50)).await;
    }
}

/// Scrapes until told to stop. Every answer is a page, gauges stay, and no counter ever falls.
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

async fn watched(pair: &Pair, torture: impl Future<Output = ()>) {
    let stop = Arc::new(AtomicBool::new(false));
    let watches = pair.both().map(|replica| tokio::spawn(watch(replica.clone(), stop.clone())));
    torture.await;
    stop.store(true, Ordering::Relaxed);
    for watch in watches {
        let asked = watch.await.expect("every answer was a page and no counter fell");
        assert!(asked > 3, "it was asked {asked} times");
    }
}

/// Time passes at GitHub, and the replicas see some of it.
async fn pass(simulator: &Simulator, seconds: u64) {
    for _ in 0..seconds {
        simulator.advance(Duration::from_secs(600));
        sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test]
async fn two_replicas_show_the_same_whatever_happens_to_their_redis() {
    if !installed() {
        return;
    }
    let simulator = simulator(lively("acme"));
    let first_seen = simulator.now();
    let mut redis = Server::start(&["appendonly yes", "appendfsync always"]).await;
    let pair = Pair::start(&simulator, &format!("redis_addr: \"{}\"", redis.address())).await;
    pair.settle(&simulator, first_seen).await;
    let (pair_, simulator_) = (&pair, &simulator);
    let (short, long) = if soak() { (10, 20) } else { (2, 4) };
    let redis = &mut redis;
    watched(&pair, async move {
        let away = |health: &Value| health["components"]["store"]["status"] == "degraded";
        // Killed: what is collected meanwhile is there afterwards.
        redis.kill();
        until(&pair_.leader, "the outage shows", away).await;
        until(&pair_.leader, "and is told since when and why", |health| {
            let store = &health["components"]["store"];
            store["since"].is_string() && store["detail"].as_str().is_some_and(|text| text.contains("redis"))
        })
        .await;
        pass(simulator_, short).await;
        settle(&pair_.leader, simulator_, first_seen).await;
        redis.restart().await;
        pair_.until_all_is_well().await;
        pair_.settle(simulator_, first_seen).await;
        // Stopped: nobody waits for it.
        redis.signal("STOP");
        pass(simulator_, long).await;
        until(&pair_.follower, "silence is an outage", away).await;
        redis.signal("CONT");
        pair_.until_all_is_well().await;
        pair_.settle(simulator_, first_seen).await;
        // Full.
        let _: String = redis.ask(&["CONFIG", "SET", "maxmemory", "1"]).await;
        pass(simulator_, short).await;
        until(&pair_.leader, "a full redis is an outage", away).await;
        let _: String = redis.ask(&["CONFIG", "SET", "maxmemory", "0"]).await;
        pair_.until_all_is_well().await;
        pair_.settle(simulator_, first_seen).await;
        // Emptied: it is filled again from what the replicas know.
        let keys_before: u64 = redis.ask(&["DBSIZE"]).await;
        let _: String = redis.ask(&["FLUSHALL"]).await;
        let filled = move |keys: &u64| *keys >= keys_before / 2;
        redis.until(&["DBSIZE"], filled).await;
        pass(simulator_, short).await;
        pair_.until_all_is_well().await;
        pair_.settle(simulator_, first_seen).await;
    })
    .await;
    let shown = [pair.leader.get("/metrics").await.1, pair.follower.get("/metrics").await.1];
    let names = |text: &str| counters(text).map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(&shown[0]), names(&shown[1]), "both show every counter of the other");
    for name in ["one", "two"] {
        let series = format!("gh_exporter_role{{replica=\"{name}\",role=\"leader\"}}");
        assert!(shown.iter().all(|text| text.contains(&series)), "{series} is on both pages");
    }
}

#[tokio::test]
async fn a_replica_starts_without_its_redis_and_one_that_ended_is_shown_no_more() {
    if !installed() {
        return;
    }
    let simulator = simulator(lively("acme"));
    let first_seen = simulator.now();
    let mut redis = Server::start(&["save \"\""]).await;
    let store = format!("redis_addr: \"{}\"", redis.address());
    redis.kill();
    let folder = TempDir::new().expect("a folder");
    let alone = replica(folder.path(), "one", "leader", &simulator, &store).await;
    settle(&alone, &simulator, first_seen).await;
    let (status, _) = alone.get("/readyz").await;
    assert_eq!(status, 200, "it serves what it has");
    redis.restart().await;
    let other_folder = TempDir::new().expect("a folder");
    let mut other = replica(other_folder.path(), "two", "follower", &simulator, &store).await;
    settle(&other, &simulator, first_seen).await;
    let sees_other = |text: &str| text.contains("gh_exporter_build_info{replica=\"two\"");
    shows(&alone, "the other replica", sees_other).await;
    other.signal("TERM");
    assert!(other.wait(Duration::from_secs(20)).await.success(), "{}", other.log());
    shows(&alone, "no replica that has ended", |text| !sees_other(text)).await;
}

pub async fn shows(replica: &Replica, what: &str, wanted: impl Fn(&str) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (_, text) = replica.get("/metrics").await;
        if wanted(&text) {
            return;
        }
        assert!(Instant::now() < deadline, "it does not show {what}:\n{text}\n{}", replica.log());
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_failover_by_the_sentinels_loses_nothing() {
    if !installed() {
        return;
    }
    let simulator = simulator(lively("acme"));
    let first_seen = simulator.now();
    let mut servers = WatchedExporter::start().await;
    let sentinels: Vec<String> = servers.sentinels.iter().map(|s| format!("\"{}\"", s.address())).collect();
    let store = format!("redis_mode: sentinel, redis_sentinel_addrs: [{}]", sentinels.join(", "));
    let pair = Pair::start(&simulator, &store).await;
    pair.settle(&simulator, first_seen).await;
    let (pair_, simulator_) = (&pair, &simulator);
    watched(&pair, async move {
        let master = servers.master().await;
        servers.servers[master].kill();
        pass(simulator_, 3).await;
        pair_.until_all_is_well().await;
        pair_.settle(simulator_, first_seen).await;
    })
    .await;
}
