//! Election by a Lease, on an API server in this process that knows Leases only.

use std::sync::Arc;

use async_trait::async_trait;
use github_stats::election::kubernetes::KubernetesCluster;
use github_stats::election::{KubernetesElector, LeaseName, identity};
use github_stats_actors::role::contract::{Competitors, Timing};
use github_stats_actors::role::{ElectionStatus, Elector};
use serde_json::{Value, json};

use super::{Networks, lease_timing, timing};
use crate::support::kube::KubeApi;

pub struct LeaseFixture {
    pub server: KubeApi,
    networks: Networks,
}

#[async_trait]
impl Competitors for LeaseFixture {
    fn timing(&self) -> Timing {
        timing()
    }

    async fn join(&self, name: &str) -> Arc<dyn Elector> {
        let file = self.server.kubeconfig(self.networks.of(name).await);
        let lease = LeaseName { namespace: "default".to_owned(), name: "leader".to_owned() };
        let cluster = KubernetesCluster::Kubeconfig(Some(file));
        Arc::new(KubernetesElector::new(cluster, lease, identity(name), lease_timing(), "a test"))
    }

    async fn cut(&self, name: &str, cut: bool) {
        self.networks.cut(name, cut);
    }
}

pub fn fixture(server: KubeApi) -> LeaseFixture {
    let networks = Networks::to(server.address());
    LeaseFixture { server, networks }
}

async fn in_process() -> Arc<dyn Competitors> {
    Arc::new(fixture(KubeApi::stand_in()))
}

github_stats_actors::elector_contract!(contract, super::in_process);

#[tokio::test]
async fn fields_of_a_lease_that_others_wrote_are_kept() {
    let fixture = fixture(KubeApi::stand_in());
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "leader", "namespace": "default", "labels": {"app": "x"}, "annotations": {"a": "b"}},
        "spec": {"strategy": "OldestEmulationVersion", "leaseTransitions": 3},
    });
    let url =
        format!("http://{}/apis/coordination.k8s.io/v1/namespaces/default/leases", fixture.server.address());
    let ask = move |method: &'static str, path: &'static str, body: String| {
        let request = ureq::http::Request::builder().method(method).uri(format!("{url}{path}"));
        let request = request.header("content-type", "application/json").body(body).expect("a request");
        tokio::task::spawn_blocking(move || {
            let text = ureq::run(request).expect("an answer").body_mut().read_to_string().expect("text");
            serde_json::from_str::<Value>(&text).expect("JSON")
        })
    };
    ask("POST", "", lease.to_string()).await.expect("created");
    let elector = fixture.join("a").await;
    assert!(matches!(elector.attempt().await, Ok(ElectionStatus::Leader { .. })));
    let held = ask("GET", "/leader", String::new()).await.expect("read");
    assert_eq!(
        (&held["metadata"]["labels"]["app"], &held["metadata"]["annotations"]["a"]),
        (&json!("x"), &json!("b"))
    );
    assert_eq!(held["spec"]["strategy"], "OldestEmulationVersion");
    assert_eq!(
        (&held["spec"]["leaseTransitions"], &held["spec"]["leaseDurationSeconds"]),
        (&json!(4), &json!(3))
    );
    elector.resign().await;
    let released = ask("GET", "/leader", String::new()).await.expect("read");
    assert_eq!(
        (&released["spec"]["holderIdentity"], &released["spec"]["leaseDurationSeconds"]),
        (&json!(""), &json!(1))
    );
    assert_eq!(released["spec"]["leaseTransitions"], 4);
}
