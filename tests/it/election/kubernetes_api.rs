//! Election by a Lease of a real Kubernetes API server, which can hang.

use std::sync::Arc;
use std::time::Duration;

use github_stats_actors::role::ElectionStatus;
use github_stats_actors::role::contract::Competitors;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::kubernetes::fixture;
use super::timing;
use crate::support::kube::KubeApi;
use crate::support::redis::RedisServer;
use crate::support::{Replica, busy_world, config, settle, simulator, wait_for_health};

/// How long it may take until a replica leads again.
const TIMEOUT: Duration = Duration::from_secs(60);

async fn real() -> Arc<dyn Competitors> {
    Arc::new(fixture(KubeApi::real()))
}

github_stats_actors::elector_contract!(
    contract,
    super::real,
    ignore = "needs the Kubernetes API server; tests/run runs it where that was built"
);

#[tokio::test]
#[ignore = "needs the Kubernetes API server; tests/run runs it where that was built"]
async fn a_leader_whose_api_server_hangs_stops_in_time_and_one_replica_leads_again_afterwards() {
    let server = KubeApi::real();
    let (fixture, timing) = (fixture(server), timing());
    let (a, b) = (fixture.join("a").await, fixture.join("b").await);
    let Ok(ElectionStatus::Leader { until, term }) = a.attempt().await else { panic!("it is free") };
    fixture.server.freeze(true);
    while Instant::now() < until {
        let status = a.attempt().await;
        assert!(status.is_err(), "{status:?}");
    }
    b.attempt().await.expect_err("no leader can be elected");
    fixture.server.freeze(false);
    let deadline = Instant::now() + timing.lease_duration * 3;
    loop {
        let statuses = [a.attempt().await, b.attempt().await];
        let leaders = statuses.iter().filter(|s| matches!(s, Ok(ElectionStatus::Leader { .. }))).count();
        assert!(leaders <= 1, "{statuses:?}");
        if leaders == 1 {
            assert!(
                !matches!(&statuses[0], Ok(ElectionStatus::Leader { term: again, .. }) if *again == term)
            );
            return;
        }
        assert!(Instant::now() < deadline, "{statuses:?}");
        sleep(timing.retry_period).await;
    }
}

/// The epoch under which a replica leads.
async fn led_epoch(replica: &Replica) -> Option<u64> {
    let (_, text) = replica.get("/healthz").await;
    serde_json::from_str::<Value>(&text).expect("JSON")["epoch"].as_u64()
}

#[tokio::test]
#[ignore = "needs the Kubernetes API server and redis-server; tests/run runs it where that API server was built"]
async fn while_the_api_server_hangs_no_replica_leads_and_all_serve() {
    let api = KubeApi::real();
    let (simulator, redis) = (simulator(busy_world("acme")), RedisServer::start(&["save \"\""]).await);
    let first_seen = simulator.now();
    let kubeconfig = api.kubeconfig(api.address());
    let environment = [("KUBECONFIG", kubeconfig.to_str().expect("a path"))];
    let text = |name: &str| {
        format!(
            "{}store: {{backend: redis, redis_addr: \"{}\"}}\n\
             leader_election: {{backend: kubernetes, lease_duration: 3s, renew_deadline: 2s, retry_period: 500ms}}\n",
            config(&simulator, "acme").replace("server: {", &format!("server: {{replica_id: {name}, ")),
            redis.address()
        )
    };
    let folders = [(); 2].map(|()| TempDir::new().expect("a folder"));
    let one = Replica::serve_as(folders[0].path(), &text("one"), &environment).await;
    wait_for_health(&one, "it leads", |health| health["role"] == "leader").await;
    let two = Replica::serve_as(folders[1].path(), &text("two"), &environment).await;
    for replica in [&one, &two] {
        settle(replica, &simulator, first_seen).await;
    }
    let before = led_epoch(&one).await.expect("it leads");
    api.freeze(true);
    wait_for_health(&one, "it stops leading by its deadline", |health| health["role"] == "follower").await;
    let end = Instant::now() + Duration::from_secs(3);
    while Instant::now() < end {
        for replica in [&one, &two] {
            assert_eq!((led_epoch(replica).await, replica.get("/metrics").await.0), (None, 200));
            assert_eq!(replica.get("/readyz").await.0, 200, "serving does not depend on the election");
        }
        sleep(Duration::from_millis(100)).await;
    }
    api.freeze(false);
    let deadline = Instant::now() + TIMEOUT;
    let after = loop {
        match (led_epoch(&one).await, led_epoch(&two).await) {
            (Some(epoch), None) | (None, Some(epoch)) => break epoch,
            both => assert!(both == (None, None), "two leaders: {both:?}"),
        }
        assert!(Instant::now() < deadline, "no replica leads again\n{}\n{}", one.log(), two.log());
        sleep(Duration::from_millis(50)).await;
    };
    assert!(after > before);
    simulator.advance(Duration::from_secs(600));
    for replica in [&one, &two] {
        settle(replica, &simulator, first_seen).await;
    }
}
