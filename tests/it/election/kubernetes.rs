//! By a Lease of a Kubernetes API server.

use std::sync::Arc;

use async_trait::async_trait;
use github_stats::election::kubernetes::KubernetesCluster;
use github_stats::election::{KubernetesElector, LeaseName, identity};
use github_stats_actors::role::contract::{Competitors, Timing};
use github_stats_actors::role::{ElectionStatus, Elector};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{Networks, lasting, timing};
use crate::support::kube::KubeApi;

struct Stage {
    server: KubeApi,
    networks: Networks,
}

#[async_trait]
impl Competitors for Stage {
    fn timing(&self) -> Timing {
        timing()
    }

    async fn join(&self, name: &str) -> Arc<dyn Elector> {
        let file = self.server.kubeconfig(self.networks.of(name).await);
        let lease = LeaseName { namespace: "default".to_owned(), name: "leader".to_owned() };
        let cluster = KubernetesCluster::Kubeconfig(Some(file));
        Arc::new(KubernetesElector::new(cluster, lease, identity(name), lasting(), "a test"))
    }

    async fn cut(&self, name: &str, cut: bool) {
        self.networks.cut(name, cut);
    }
}

fn stage(server: KubeApi) -> Stage {
    let networks = Networks::to(server.address());
    Stage { server, networks }
}

async fn real() -> Option<Arc<dyn Competitors>> {
    Some(Arc::new(stage(KubeApi::real()?)))
}

async fn stand_in() -> Option<Arc<dyn Competitors>> {
    Some(Arc::new(stage(KubeApi::stand_in())))
}

github_stats_actors::elector_contract!(contract, super::real);
github_stats_actors::elector_contract!(contract_of_the_stand_in, super::stand_in);

#[tokio::test]
async fn a_leader_whose_api_server_hangs_stops_in_time_and_one_leads_again_afterwards() {
    let Some(server) = KubeApi::real() else { return };
    let (stage, timing) = (stage(server), timing());
    let (a, b) = (stage.join("a").await, stage.join("b").await);
    let Ok(ElectionStatus::Leader { until, term }) = a.attempt().await else { panic!("it is free") };
    stage.server.freeze(true);
    while Instant::now() < until {
        let standing = a.attempt().await;
        assert!(standing.is_err(), "{standing:?}");
    }
    b.attempt().await.expect_err("nobody can be elected");
    stage.server.freeze(false);
    let deadline = Instant::now() + timing.lease_duration * 3;
    loop {
        let standings = [a.attempt().await, b.attempt().await];
        let leaders = standings.iter().filter(|s| matches!(s, Ok(ElectionStatus::Leader { .. }))).count();
        assert!(leaders <= 1, "{standings:?}");
        if leaders == 1 {
            assert!(
                !matches!(&standings[0], Ok(ElectionStatus::Leader { term: again, .. }) if *again == term)
            );
            return;
        }
        assert!(Instant::now() < deadline, "{standings:?}");
        sleep(timing.retry_period).await;
    }
}

#[tokio::test]
async fn what_others_wrote_into_the_lease_stays() {
    let stage = stage(KubeApi::stand_in());
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "leader", "namespace": "default", "labels": {"app": "x"}, "annotations": {"a": "b"}},
        "spec": {"strategy": "OldestEmulationVersion", "leaseTransitions": 3},
    });
    let url =
        format!("http://{}/apis/coordination.k8s.io/v1/namespaces/default/leases", stage.server.address());
    let ask = move |method: &'static str, path: &'static str, body: String| {
        let request = ureq::http::Request::builder().method(method).uri(format!("{url}{path}"));
        let request = request.header("content-type", "application/json").body(body).expect("a request");
        tokio::task::spawn_blocking(move || {
            let text = ureq::run(request).expect("an answer").body_mut().read_to_string().expect("text");
            serde_json::from_str::<Value>(&text).expect("JSON")
        })
    };
    ask("POST", "", lease.to_string()).await.expect("created");
    let elector = stage.join("a").await;
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
