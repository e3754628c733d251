//! Replicas as processes that share a Redis and a RabbitMQ and collect from the simulator.

use std::path::Path;
use std::time::Duration;

use github_sim::Simulator;
use github_stats::config::{Environment, Overrides, load};
use github_stats::runtime::open_store;
use github_stats_actors::activity::{Batch, RepoKey, RepoMeta, Timestamp, Window};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::fixture::name;
use crate::support::redis::RedisServer;
use crate::support::{Proxy, Rabbit, Replica, config, settle, wait_for_health};

/// Upper bound for what takes seconds on an idle machine.
const TIMEOUT: Duration = Duration::from_secs(90);

/// A leader and a follower that share a store and a broker. Their connections to the broker can be
/// cut.
pub struct BackfillFixture {
    pub simulator: Simulator,
    pub rabbit: Rabbit,
    pub proxy: Proxy,
    pub leader: Replica,
    pub follower: Replica,
    /// Name of the exchange, and prefix of the queues' names.
    pub exchange: String,
    first_seen: jiff::Timestamp,
    _redis: RedisServer,
    folders: [TempDir; 2],
}

impl BackfillFixture {
    /// Starts everything over a store that covers the last hour only.
    pub async fn start(simulator: Simulator) -> BackfillFixture {
        Self::start_with(simulator, "auto").await
    }

    /// The same with this added to both configurations.
    pub async fn start_configured(simulator: Simulator, more: &str) -> BackfillFixture {
        Self::start_all(simulator, "auto", more).await
    }

    /// The same over one of GitHub's APIs.
    pub async fn start_with(simulator: Simulator, api: &str) -> BackfillFixture {
        Self::start_all(simulator, api, "").await
    }

    async fn start_all(simulator: Simulator, api: &str, more: &str) -> BackfillFixture {
        let rabbit = Rabbit::start().await;
        let (proxy, redis) = (Proxy::to(rabbit.port()).await, RedisServer::start(&[]).await);
        let (exchange, first_seen) = (name(), simulator.now());
        let text = configuration(&simulator, &exchange, proxy.port(), &redis.address());
        let text = text.replace("github:\n", &format!("github:\n  api: {api}\n")) + more;
        let folders = [(); 2].map(|()| TempDir::new().expect("a folder"));
        create_coverage_gap(&simulator, folders[0].path(), &text).await;
        let [leader, follower] = ["leader", "follower"];
        // The follower starts first, so that it takes its share of what the leader finds to repair.
        let follower = serve(folders[1].path(), &text, follower).await;
        wait_for_health(&follower, "the broker is there", |health| {
            health["components"]["amqp"]["status"] == "healthy"
        })
        .await;
        let leader = serve(folders[0].path(), &text, leader).await;
        BackfillFixture {
            simulator,
            rabbit,
            proxy,
            leader,
            follower,
            exchange,
            first_seen,
            _redis: redis,
            folders,
        }
    }

    /// The folder with the leader's configuration.
    pub fn folder(&self) -> &Path {
        self.folders[0].path()
    }

    /// Waits until both replicas show the truth and miss nothing.
    pub async fn settle(&self) {
        for replica in [&self.leader, &self.follower] {
            settle(replica, &self.simulator, self.first_seen).await;
        }
        self.wait_for_metric("everything is covered", "gh_activity_coverage_ratio", |ratio| ratio == 1.0)
            .await;
    }

    /// Waits until the leader's broker component has this status.
    pub async fn wait_for_broker(&self, status: &str) {
        let what = format!("the broker is {status}");
        wait_for_health(&self.leader, &what, |health| health["components"]["amqp"]["status"] == status).await;
    }

    /// How many jobs ended with this result, on any replica.
    pub async fn processed(&self, result: &str) -> f64 {
        let (_, text) = self.leader.get("/metrics").await;
        let result = format!("result=\"{result}\"");
        let counts = text.lines().filter(|line| {
            line.starts_with("gh_exporter_backfill_jobs_processed_total") && line.contains(&result)
        });
        counts.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// Waits until every sample of a metric at the leader is as wanted, and there is one.
    pub async fn wait_for_metric(&self, what: &str, name: &str, wanted: impl Fn(f64) -> bool) {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let values = samples(&self.leader, name).await;
            if !values.is_empty() && values.iter().all(|value| wanted(*value)) {
                return;
            }
            assert!(Instant::now() < deadline, "{what}: {name} is {values:?}\n{}", self.leader.log());
            sleep(Duration::from_millis(100)).await;
        }
    }
}

/// The samples whose line begins with this.
async fn samples(replica: &Replica, name: &str) -> Vec<f64> {
    let (_, text) = replica.get("/metrics").await;
    let lines = text.lines().filter(|line| line.starts_with(name));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse().ok()).collect()
}

fn configuration(simulator: &Simulator, exchange: &str, port: u16, redis: &str) -> String {
    let backfill =
        "backfill: {requeue_delays: [1s, 2s, 3s, 4s, 5s, 6s], coalesce_window: 2s, dedup_ttl: 60s}";
    let base = config(simulator, "acme").replace("backfill: {requeue_delays: [1s, 2s, 5s]}", backfill);
    assert!(base.contains(backfill), "{base}");
    format!(
        "{base}leader_election: {{enabled: false}}\n\
         store: {{backend: redis, redis_addr: \"{redis}\"}}\n\
         amqp: {{url: \"{}\", exchange: {exchange}, queue: {exchange}.jobs, dlq: {exchange}.dlq}}\n",
        Rabbit::url_at(port),
    )
}

async fn serve(folder: &Path, text: &str, role: &str) -> Replica {
    let text = text.replace("server: {", &format!("server: {{replica_id: {role}, "));
    Replica::serve_as(folder, &text, &[("GITHUB_STATS_INITIAL_ROLE", role)]).await
}

/// Writes coverage of the last hour only into the store: backfill has to repair what came before,
/// because live scrapes go on where coverage ends.
async fn create_coverage_gap(simulator: &Simulator, folder: &Path, text: &str) {
    let file = folder.join("config.yaml");
    std::fs::write(&file, text).expect("a file");
    let loaded = load(Some(&file), &Environment::default(), &Overrides::default()).expect("a configuration");
    let stores = open_store(&loaded.config).expect("a store");
    let now = Timestamp::from_unix(simulator.now().as_second());
    for fact in simulator.truth().facts(simulator.now()) {
        let key = RepoKey { org: fact.org.as_str().into(), id: fact.repo_id.as_str().into() };
        let meta = RepoMeta { seen_at: now, name: fact.repo.as_str().into(), first_seen: now };
        let mut batch = Batch::new(key, meta);
        batch.covered = Window::new(now - 3_600, now - 60).into_iter().collect();
        stores.facts.write(batch).await.expect("written");
    }
}
