//! Which election a replica takes part in, as it tells.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::time::sleep;

use crate::acceptance::{config, lively, simulator};
use crate::replicas::{shows, until};
use crate::support::Replica;
use crate::support::kube::KubeApi;
use crate::support::redis::{Server, installed};

/// A cluster around, in which nobody answers.
const DEAF_CLUSTER: [(&str, &str); 2] =
    [("KUBERNETES_SERVICE_HOST", "127.0.0.1"), ("KUBERNETES_SERVICE_PORT", "1")];

struct Stage {
    simulator: github_sim::Simulator,
    redis: Server,
    folder: TempDir,
}

impl Stage {
    async fn new() -> Option<Stage> {
        if !installed() {
            return None;
        }
        let (redis, folder) = (Server::start(&["save \"\""]).await, TempDir::new().expect("a folder"));
        Some(Stage { simulator: simulator(lively("acme")), redis, folder })
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
async fn a_shared_store_outside_of_a_cluster_is_led_by_a_key_in_redis() {
    let Some(stage) = Stage::new().await else { return };
    let replica = stage.replica("", &[]).await;
    until(&replica, "it is elected by redis", |health| {
        let (status, detail) = election(health);
        health["role"] == "leader" && status == "healthy" && detail.starts_with("redis: the store is shared")
    })
    .await;
}

#[tokio::test]
async fn where_the_cluster_does_not_answer_auto_leads_alone_and_says_so_loudly() {
    let Some(stage) = Stage::new().await else { return };
    let replica = stage.replica("", &DEAF_CLUSTER).await;
    until(&replica, "it leads for itself", |health| {
        let (status, detail) = election(health);
        health["role"] == "leader"
            && status == "degraded"
            && detail.starts_with("static: this replica leads without an election")
    })
    .await;
    let unhealthy = "gh_exporter_dependency_health{dependency=\"election\"} 0";
    shows(&replica, "that the election is not healthy", |text| text.contains(unhealthy)).await;
    assert!(replica.log().contains("leadership is decided by a fallback"), "{}", replica.log());
}

#[tokio::test]
async fn where_the_cluster_does_not_answer_whoever_asked_for_it_follows_and_keeps_trying() {
    let Some(stage) = Stage::new().await else { return };
    let api = KubeApi::stand_in();
    let kubeconfig = Path::new(stage.folder.path()).join("kubeconfig");
    let environment = [("KUBECONFIG", kubeconfig.to_str().expect("a path"))];
    let replica = stage.replica("backend: kubernetes, retry_period: 500ms", &environment).await;
    until(&replica, "it tells what is missing", |health| {
        let (status, detail) = election(health);
        status == "degraded" && detail.contains("kubeconfig")
    })
    .await;
    sleep(Duration::from_secs(6)).await;
    until(&replica, "it follows", |health| health["role"] == "follower").await;
    std::fs::copy(api.kubeconfig(api.address()), &kubeconfig).expect("copied");
    until(&replica, "it is elected by the Lease", |health| {
        let (status, detail) = election(health);
        health["role"] == "leader"
            && status == "healthy"
            && detail == "kubernetes: it is set as leader_election.backend"
    })
    .await;
}
