//! A job that one replica enqueues and another works on.

use super::receiver::{Received, Receiver, Seen, is_whole};
use super::stage::section;
use crate::acceptance::{lively, simulator};
use crate::queue::cluster::Cluster;

/// Whether it is the follower's work on a window that was not covered yet.
fn is_repaired(span: &Seen) -> bool {
    let result = span.attributes.get("result").map(String::as_str);
    span.name == "backfill.job" && span.instance == "follower" && result == Some("success")
}

/// A whole trace in which both replicas took part.
fn shared(received: &Received) -> Option<Vec<Seen>> {
    let traces = received.traces();
    let is_shared = |trace: &&Vec<&Seen>| {
        let is_published = |span: &&Seen| span.name == "backfill.publish" && span.instance == "leader";
        trace.iter().any(|span| is_repaired(span)) && trace.iter().any(is_published) && is_whole(trace)
    };
    traces.values().find(is_shared).map(|trace| trace.iter().map(|span| (*span).clone()).collect())
}

#[tokio::test]
async fn a_job_of_the_leader_on_a_follower_is_one_trace() {
    let receiver = Receiver::grpc().await;
    let sampled = section(&receiver.endpoint(), "sampled");
    let Some(cluster) = Cluster::start_configured(simulator(lively("acme")), &sampled).await else {
        return;
    };
    cluster.settle().await;
    let trace = receiver.until("a job's trace has arrived whole", shared).await;
    let by_id = |id: &str| trace.iter().find(|span| span.id == id).expect("a whole trace");
    let job = trace.iter().find(|span| is_repaired(span)).expect("it is there");
    let publish = by_id(&job.parent);
    assert_eq!((publish.name.as_str(), publish.instance.as_str()), ("backfill.publish", "leader"));
    assert_eq!(publish.attributes["job_id"], job.attributes["job_id"]);
    let enqueue = by_id(&publish.parent);
    assert_eq!(enqueue.name, "backfill.enqueue");
    assert_eq!(by_id(&enqueue.parent).name, "scrape.cycle");
    let of_the_job = |span: &&Seen| {
        let mut next = *span;
        while !next.parent.is_empty() && next.id != job.id {
            next = by_id(&next.parent);
        }
        next.id == job.id
    };
    for name in ["github.request", "store.write", "store.exchange"] {
        assert!(trace.iter().filter(of_the_job).any(|span| span.name == name), "{name}: {trace:#?}");
    }
}
