//! Organisations that are distributed over several leaders.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use github_sim::{GithubWorld, Options, Simulator, Token};
use github_stats_actors::activity::OrgName;
use github_stats_actors::role::Shard;
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::leadership_history::LeadershipHistory;
use crate::support::redis::RedisServer;
use crate::support::{Replica, busy_worlds, config, parse_gauges, settle, simulator};

const ORGS: [&str; 4] = ["acme", "globex", "initech", "umbrella"];
const SHARDS: u32 = 3;
/// Points per hour of the scarce token.
const POINTS: u32 = 150;
/// Upper bound for every wait.
const TIMEOUT: Duration = Duration::from_secs(60);

struct ShardFixture {
    simulator: Simulator,
    /// Configuration of the organisations' credentials.
    credentials: String,
    redis: RedisServer,
    first_seen: jiff::Timestamp,
    histories: Vec<LeadershipHistory>,
    watches: Mutex<Vec<JoinHandle<()>>>,
    stop: AtomicBool,
}

impl ShardFixture {
    async fn new(simulator: Simulator, credentials: &str) -> Arc<ShardFixture> {
        Arc::new(ShardFixture {
            credentials: credentials.to_owned(),
            first_seen: simulator.now(),
            redis: RedisServer::start(&["save \"\""]).await,
            simulator,
            histories: (0..SHARDS).map(|_| LeadershipHistory::default()).collect(),
            watches: Mutex::default(),
            stop: AtomicBool::new(false),
        })
    }

    /// Starts another replica and watches its leaderships.
    async fn join(self: &Arc<Self>, name: &'static str, folder: &TempDir) -> Arc<Replica> {
        let org = |org: &&str| format!("{{org: {org}, {}, scrape_interval: 500ms}}", self.credentials);
        let orgs = ORGS.iter().map(org).collect::<Vec<_>>().join(", ");
        let text = format!(
            "{}store: {{backend: redis, redis_addr: \"{}\"}}\n\
             leader_election: {{shards: {SHARDS}, lease_duration: 3s, renew_deadline: 2s, retry_period: 500ms}}\n",
            config(&self.simulator, "ORG")
                .replace("{org: ORG, token: secret, scrape_interval: 500ms}", &orgs)
                .replace("server: {", &format!("server: {{replica_id: {name}, admin_token: s3cret, ")),
            self.redis.address(),
        );
        let replica = Arc::new(Replica::serve(folder.path(), &text).await);
        let (fixture, watched) = (self.clone(), replica.clone());
        let watch = tokio::spawn(async move { fixture.watch(name, &watched).await });
        self.watches.lock().expect("no panic").push(watch);
        replica
    }

    async fn watch(&self, name: &'static str, replica: &Replica) {
        while !self.stop.load(Ordering::Relaxed) {
            let request = Instant::now();
            for (shard, epoch) in led_shards(replica).await {
                self.histories[shard as usize].record(name, epoch, request, Instant::now());
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends the watches, none of which may have observed two leaders in one epoch.
    async fn end_watches(&self) {
        self.stop.store(true, Ordering::Relaxed);
        let watches = std::mem::take(&mut *self.watches.lock().expect("no panic"));
        for watch in watches {
            watch.await.expect("no epoch was led by two");
        }
    }

    async fn settle(&self, replicas: &[&Arc<Replica>]) {
        for replica in replicas {
            settle(replica, &self.simulator, self.first_seen).await;
        }
    }
}

/// The shards that a replica leads, with their epochs; empty if it does not answer.
async fn led_shards(replica: &Replica) -> BTreeMap<u64, u64> {
    let authorization = [("authorization", "Bearer s3cret")];
    let Some((200, text)) = replica.try_get("/api/admin/status", &authorization).await else {
        return BTreeMap::new();
    };
    let status: Value = serde_json::from_str(&text).expect("JSON");
    let shards = status["election"]["shards"].as_array().expect("the shards").iter();
    let leads = |shard: &Value| Some((shard["shard"].as_u64()?, shard["epoch"].as_u64()?));
    shards.filter_map(leads).collect()
}

/// Waits until the replicas lead these numbers of shards, in any order, and every shard has a
/// leader.
async fn wait_until_led(replicas: &[&Arc<Replica>], wanted: &[usize]) {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let mut shards = Vec::new();
        for replica in replicas {
            shards.push(led_shards(replica).await);
        }
        let mut counts: Vec<usize> = shards.iter().map(BTreeMap::len).collect();
        counts.sort_unstable();
        let all = shards.iter().flat_map(BTreeMap::keys).collect::<std::collections::BTreeSet<_>>().len();
        if counts == wanted && all == SHARDS as usize {
            return;
        }
        assert!(Instant::now() < deadline, "{shards:?}\n{}", replicas[0].log());
        sleep(Duration::from_millis(100)).await;
    }
}

/// Every replica shows the state of every organisation, regardless of its leader, and one epoch.
async fn every_page_is_whole(replicas: &[&Arc<Replica>]) {
    for replica in replicas {
        let (_, page) = replica.get("/metrics").await;
        assert!(!parse_gauges(&page).is_empty());
        for org in ORGS {
            let healthy = format!("gh_exporter_org_state{{org=\"{org}\",state=\"healthy\"}} 1");
            assert!(page.lines().any(|line| line == healthy), "{org} is missing\n{}", replica.log());
        }
        let epochs = page.lines().filter(|line| line.starts_with("gh_exporter_leader_epoch ")).count();
        assert_eq!(epochs, 1, "one number, however many lead");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server; tests/run runs it"]
async fn every_replica_leads_some_organisations_and_others_take_over_when_it_ends() {
    let shard_of = |org: &str| Shard::all(SHARDS).find(|shard| shard.holds(&OrgName::from(org)));
    let used: std::collections::BTreeSet<u32> =
        ORGS.into_iter().filter_map(shard_of).map(Shard::number).collect();
    assert!(used.len() > 1, "the organisations are in several shards");
    let fixture = ShardFixture::new(simulator(busy_worlds(&ORGS)), "token: secret").await;
    let folders = [(); 4].map(|()| TempDir::new().expect("a folder"));
    let one = fixture.join("one", &folders[0]).await;
    wait_until_led(&[&one], &[3]).await;
    let two = fixture.join("two", &folders[1]).await;
    let three = fixture.join("three", &folders[2]).await;
    wait_until_led(&[&one, &two, &three], &[1, 1, 1]).await;
    fixture.simulator.advance(Duration::from_secs(3600));
    fixture.settle(&[&one, &two, &three]).await;
    every_page_is_whole(&[&one, &two, &three]).await;
    one.signal("KILL");
    wait_until_led(&[&two, &three], &[1, 2]).await;
    fixture.simulator.advance(Duration::from_secs(3600));
    fixture.settle(&[&two, &three]).await;
    two.signal("TERM");
    wait_until_led(&[&three], &[3]).await;
    let four = fixture.join("four", &folders[3]).await;
    wait_until_led(&[&three, &four], &[1, 2]).await;
    fixture.simulator.advance(Duration::from_secs(3600));
    fixture.settle(&[&three, &four]).await;
    every_page_is_whole(&[&three, &four]).await;
    fixture.end_watches().await;
    fixture.histories.iter().for_each(LeadershipHistory::assert_one_leader_at_a_time);
}

/// The remaining GraphQL points of the scarce token.
async fn remaining(simulator: &Simulator) -> u64 {
    let url = format!("{}/rate_limit", simulator.url());
    let request = tokio::task::spawn_blocking(move || {
        let answer = ureq::get(&url).header("authorization", "Bearer scarce").call();
        answer.expect("an answer").body_mut().read_to_string().expect("text")
    });
    let answer: Value = serde_json::from_str(&request.await.expect("no panic")).expect("JSON");
    answer["resources"]["graphql"]["remaining"].as_u64().expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server; tests/run runs it"]
async fn replicas_that_share_scarce_credentials_never_exhaust_them_and_lose_nothing() {
    let tokens =
        vec![Token::new("scarce").hourly_limit(POINTS), Token::new("ample").hourly_limit(10_000_000)];
    let options = Options { tokens, ..Options::default() }.without_secondary_limits();
    let simulator = Simulator::start(GithubWorld::new(), options).expect("a simulator");
    let now = simulator.now();
    simulator.edit(|world| *world = busy_worlds(&ORGS)(now));
    let folders = [(); 4].map(|()| TempDir::new().expect("a folder"));
    let token = folders[3].path().join("token");
    std::fs::write(&token, "scarce").expect("a file");
    let fixture = ShardFixture::new(simulator, &format!("token_file: {}", token.display())).await;
    let mut replicas = Vec::new();
    for (name, folder) in ["one", "two", "three"].into_iter().zip(&folders) {
        replicas.push(fixture.join(name, folder).await);
    }
    let replicas: Vec<&Arc<Replica>> = replicas.iter().collect();
    wait_until_led(&replicas, &[1, 1, 1]).await;
    let mut least = u64::from(POINTS);
    for tick in 0..240 {
        if tick % 10 == 0 {
            fixture.simulator.advance(Duration::from_secs(360));
        }
        least = least.min(remaining(&fixture.simulator).await);
        sleep(Duration::from_millis(50)).await;
    }
    let refused =
        fixture.simulator.requests().into_iter().filter(|request| matches!(request.status, Some(403 | 429)));
    assert_eq!(refused.count(), 0, "they wait before the limit");
    assert!((1..u64::from(POINTS / 2)).contains(&least), "{least} of {POINTS} points were left at the least");
    std::fs::write(&token, "ample").expect("a file");
    fixture.settle(&replicas).await;
    fixture.end_watches().await;
    println!("{least} of {POINTS} points were left at the least");
}
