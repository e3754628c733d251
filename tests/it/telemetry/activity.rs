//! Export of activity metrics, where it is enabled.

use std::collections::BTreeMap;

use tempfile::TempDir;
use tokio::time::{Duration, sleep};

use super::fixture::{SHORT_INTERVALS, telemetry_section};
use super::metrics::{numbers, samples};
use super::receiver::{Received, Receiver};
use crate::support::redis::RedisServer;
use crate::support::{Replica, busy_world, config, settle, simulator};

const LABELS: [&str; 3] = ["org", "repo", "user"];

/// The activity families of a page, with their samples.
fn shown(page: &str) -> BTreeMap<String, BTreeMap<String, f64>> {
    let names = page.lines().filter_map(|line| line.strip_prefix("# TYPE gh_activity_")?.split_once(' '));
    let name = |(name, _): (&str, &str)| format!("gh_activity_{name}");
    let by_user = |name: &String| !name.contains("coverage") && !name.contains("freshness");
    names.map(name).filter(by_user).map(|name| (name.clone(), samples(page, &name))).collect()
}

fn received_samples(
    received: &Received,
    names: impl Iterator<Item = String>,
) -> BTreeMap<String, BTreeMap<String, f64>> {
    names.map(|name| (name.clone(), numbers(received, &name, &LABELS))).collect()
}

async fn the_leader_sends_what_a_scrape_shows(leads: Receiver, follows: Receiver, protocol: &str) {
    let (simulator, redis) = (simulator(busy_world("acme")), RedisServer::start(&["save \"\""]).await);
    let first_seen = simulator.now();
    let folders = [(); 2].map(|()| TempDir::new().expect("a folder"));
    let mut replicas = Vec::new();
    for ((folder, receiver), role) in folders.iter().zip([&leads, &follows]).zip(["leader", "follower"]) {
        let text = config(&simulator, "acme").replace(
            "server: {",
            &format!("leader_election: {{enabled: false}}\nserver: {{replica_id: {role}, "),
        ) + &format!("store: {{backend: redis, redis_addr: \"{}\"}}\n", redis.address())
            + &telemetry_section(&receiver.endpoint(), "off")
                .replace("telemetry: {", "telemetry: {otel_activity_metrics: true, ");
        let own = [("OTEL_EXPORTER_OTLP_PROTOCOL", protocol), ("GITHUB_STATS_INITIAL_ROLE", role)];
        replicas.push(Replica::serve_as(folder.path(), &text, &[&SHORT_INTERVALS[..], &own].concat()).await);
    }
    for replica in &replicas {
        settle(replica, &simulator, first_seen).await;
    }
    let shown = shown(&replicas[0].get("/metrics").await.1);
    assert_eq!(shown.len(), 13);
    assert!(shown.values().all(|samples| !samples.is_empty()), "{shown:?}");
    let is_received =
        |received: &Received| (received_samples(received, shown.keys().cloned()) == shown).then_some(());
    leads.wait_for("everything on the page is exported", is_received).await;
    let resources = leads.received().resources;
    let of_all = |resource: &&super::receiver::Attributes| !resource.contains_key("service.instance.id");
    let shared = resources.iter().find(of_all).expect("activity belongs to no instance");
    assert_eq!(
        (shared["service.name"].as_str(), shared["deployment.environment.name"].as_str()),
        ("github-stats", "test")
    );
    // The follower exports its own metrics only.
    sleep(Duration::from_secs(1)).await;
    let followers = follows.received().metrics;
    assert!(!followers.is_empty() && followers.keys().all(|(name, _)| !name.starts_with("gh_activity_")));
}

#[tokio::test]
#[ignore = "needs redis-server; tests/run runs it"]
async fn the_leader_sends_over_http_what_a_scrape_shows() {
    the_leader_sends_what_a_scrape_shows(Receiver::http().await, Receiver::http().await, "http/protobuf")
        .await;
}

#[tokio::test]
#[ignore = "needs redis-server; tests/run runs it"]
async fn the_leader_sends_over_grpc_what_a_scrape_shows() {
    the_leader_sends_what_a_scrape_shows(Receiver::grpc().await, Receiver::grpc().await, "grpc").await;
}
