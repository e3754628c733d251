//! The trace of a job that one replica enqueues and another processes.

use super::fixture::telemetry_section;
use super::receiver::{Received, ReceivedSpan, Receiver, is_whole};
use crate::queue::backfill_fixture::BackfillFixture;
use crate::support::{busy_world, simulator};

/// Whether the span is the follower's successful work on a job.
fn is_repaired(span: &ReceivedSpan) -> bool {
    let result = span.attributes.get("result").map(String::as_str);
    span.name == "backfill.job" && span.instance == "follower" && result == Some("success")
}

/// A complete trace in which both replicas took part.
fn shared(received: &Received) -> Option<Vec<ReceivedSpan>> {
    let traces = received.traces();
    let is_shared = |trace: &&Vec<&ReceivedSpan>| {
        let is_published =
            |span: &&ReceivedSpan| span.name == "backfill.publish" && span.instance == "leader";
        trace.iter().any(|span| is_repaired(span)) && trace.iter().any(is_published) && is_whole(trace)
    };
    traces.values().find(is_shared).map(|trace| trace.iter().map(|span| (*span).clone()).collect())
}

#[tokio::test]
#[ignore = "needs redis-server and rabbitmq-server; tests/run runs it"]
async fn a_job_of_the_leader_on_a_follower_is_one_trace() {
    let receiver = Receiver::grpc().await;
    let sampled = telemetry_section(&receiver.endpoint(), "sampled");
    let fixture = BackfillFixture::start_configured(simulator(busy_world("acme")), &sampled).await;
    fixture.settle().await;
    let trace = receiver.wait_for("a job's trace has arrived whole", shared).await;
    let by_id = |id: &str| trace.iter().find(|span| span.id == id).expect("a whole trace");
    let job = trace.iter().find(|span| is_repaired(span)).expect("it is there");
    let publish = by_id(&job.parent);
    assert_eq!((publish.name.as_str(), publish.instance.as_str()), ("backfill.publish", "leader"));
    assert_eq!(publish.attributes["job_id"], job.attributes["job_id"]);
    let enqueue = by_id(&publish.parent);
    assert_eq!(enqueue.name, "backfill.enqueue");
    assert_eq!(by_id(&enqueue.parent).name, "scrape.cycle");
    let of_the_job = |span: &&ReceivedSpan| {
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
