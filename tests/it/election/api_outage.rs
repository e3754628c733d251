//! Replicas elected by a Lease, whose API server hangs.

use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::acceptance::{config, lively, simulator};
use crate::replicas::until;
use crate::support::kube::KubeApi;
use crate::support::redis::{Server, installed};
use crate::support::{Replica, settle};

/// How long it may take until somebody leads again.
const PATIENCE: Duration = Duration::from_secs(60);

async fn leads(replica: &Replica) -> Option<u64> {
    let (_, text) = replica.get("/healthz").await;
    serde_json::from_str::<Value>(&text).expect("JSON")["epoch"].as_u64()
}

#[tokio::test]
async fn while_the_api_server_hangs_nobody_leads_and_everybody_serves() {
    if !installed() {
        return;
    }
    let Some(api) = KubeApi::real() else { return };
    let (simulator, redis) = (simulator(lively("acme")), Server::start(&["save \"\""]).await);
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
    until(&one, "it leads", |health| health["role"] == "leader").await;
    let two = Replica::serve_as(folders[1].path(), &text("two"), &environment).await;
    for replica in [&one, &two] {
        settle(replica, &simulator, first_seen).await;
    }
    let before = leads(&one).await.expect("it leads");
    api.freeze(true);
    until(&one, "it stops leading by its deadline", |health| health["role"] == "follower").await;
    let end = Instant::now() + Duration::from_secs(3);
    while Instant::now() < end {
        for replica in [&one, &two] {
            assert_eq!((leads(replica).await, replica.get("/metrics").await.0), (None, 200));
            assert_eq!(replica.get("/readyz").await.0, 200, "an election is nothing to serve by");
        }
        sleep(Duration::from_millis(100)).await;
    }
    api.freeze(false);
    let deadline = Instant::now() + PATIENCE;
    let after = loop {
        match (leads(&one).await, leads(&two).await) {
            (Some(epoch), None) | (None, Some(epoch)) => break epoch,
            both => assert!(both == (None, None), "two leaders: {both:?}"),
        }
        assert!(Instant::now() < deadline, "nobody leads again\n{}\n{}", one.log(), two.log());
        sleep(Duration::from_millis(50)).await;
    };
    assert!(after > before);
    simulator.advance(Duration::from_secs(600));
    for replica in [&one, &two] {
        settle(replica, &simulator, first_seen).await;
    }
}
