//! Which election backend a replica selects, as its health reports it.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::time::sleep;

use crate::support::kube::KubeApi;
use crate::support::redis::RedisServer;
use crate::support::{Replica, busy_world, config, simulator, wait_for_health, wait_for_metrics};

/// The environment of a pod whose API server does not answer.
const UNREACHABLE_CLUSTER: [(&str, &str); 2] =
    [("KUBERNETES_SERVICE_HOST", "127.0.0.1"), ("KUBERNETES_SERVICE_PORT", "1")];

struct BackendSelectionFixture {
    simulator: github_sim::Simulator,
    redis: RedisServer,
    folder: TempDir,
}

impl BackendSelectionFixture {
    async fn new() -> BackendSelectionFixture {
        let (redis, folder) = (RedisServer::start(&["save \"\""]).await, TempDir::new().expect("a folder"));
        BackendSelectionFixture { simulator: simulator(busy_world("acme")), redis, folder }
    }

    async fn replica(&self, election: &str, environment: &[(&str, &str)]) -> Replica {
        let text = format!(
            "{}store: {{backend: redis, redis_addr: \"{}\"}}\nleader_election: {{{election}}}\n",
            config(&self.simulator, "acme"),
            self.redis.address()
        );
        Replica::serve_as(self.folder.path(), &text, environment).await
    }
}

fn election(health: &Value) -> (&str, &str) {
    let component = &health["components"]["election"];
    (component["status"].as_str().unwrap_or(""), component["detail"].as_str().unwrap_or(""))
}

#[tokio::test]
#[ignore = "needs redis-server; tests/run runs it"]
async fn a_shared_store_outside_a_cluster_selects_election_by_redis() {
    let fixture = BackendSelectionFixture::new().await;
    let replica = fixture.replica("", &[]).await;
    wait_for_health(&replica, "it is elected by redis", |health| {
        let (status, detail) = election(health);
        health["role"] == "leader" && status == "healthy" && detail.starts_with("redis: the store is shared")
    })
    .await;
}

#[tokio::test]
#[ignore = "needs redis-server; tests/run runs it"]
async fn auto_leads_alone_and_is_degraded_when_the_cluster_does_not_answer() {
    let fixture = BackendSelectionFixture::new().await;
    let replica = fixture.replica("", &UNREACHABLE_CLUSTER).await;
    wait_for_health(&replica, "it leads for itself", |health| {
        let (status, detail) = election(health);
        health["role"] == "leader"
            && status == "degraded"
            && detail.starts_with("static: this replica leads without an election")
    })
    .await;
    let unhealthy = "gh_exporter_dependency_health{dependency=\"election\"} 0";
    wait_for_metrics(&replica, "that the election is not healthy", |text| text.contains(unhealthy)).await;
    assert!(replica.log().contains("leadership is decided by a fallback"), "{}", replica.log());
}

#[tokio::test]
#[ignore = "needs redis-server; tests/run runs it"]
async fn an_explicit_kubernetes_backend_follows_and_keeps_trying_when_the_cluster_does_not_answer() {
    let fixture = BackendSelectionFixture::new().await;
    let api = KubeApi::stand_in();
    let kubeconfig = Path::new(fixture.folder.path()).join("kubeconfig");
    let environment = [("KUBECONFIG", kubeconfig.to_str().expect("a path"))];
    let replica = fixture.replica("backend: kubernetes, retry_period: 500ms", &environment).await;
    wait_for_health(&replica, "it reports what is missing", |health| {
        let (status, detail) = election(health);
        status == "degraded" && detail.contains("kubeconfig")
    })
    .await;
    sleep(Duration::from_secs(6)).await;
    wait_for_health(&replica, "it follows", |health| health["role"] == "follower").await;
    std::fs::copy(api.kubeconfig(api.address()), &kubeconfig).expect("copied");
    wait_for_health(&replica, "it is elected by the Lease", |health| {
        let (status, detail) = election(health);
        health["role"] == "leader"
            && status == "healthy"
            && detail == "kubernetes: it is set as leader_election.backend"
    })
    .await;
}
