//! The contents of traces, and which traces are exported.

use std::collections::BTreeSet;
use std::time::Duration;

use github_sim::{ApiFault, RequestMatcher};
use serde_json::Value;
use tempfile::TempDir;

use super::fixture::{replica, telemetry_section};
use super::receiver::{Received, ReceivedSpan, Receiver, is_whole};
use crate::support::{busy_world, settle, simulator};

const HTTP: (&str, &str) = ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");

/// A complete trace of a scrape that wrote something.
fn scrape(received: &Received) -> Option<Vec<ReceivedSpan>> {
    let wanted = ["scrape", "scrape.cycle", "github.request", "store.write", "store.exchange"];
    let traces = received.traces();
    let trace = traces.values().find(|trace| {
        let names: BTreeSet<&str> = trace.iter().map(|span| span.name.as_str()).collect();
        wanted.iter().all(|name| names.contains(name)) && is_whole(trace)
    })?;
    Some(trace.iter().map(|span| (*span).clone()).collect())
}

fn named<'a>(trace: &'a [ReceivedSpan], name: &str) -> &'a ReceivedSpan {
    trace.iter().find(|span| span.name == name).expect("it is there")
}

#[tokio::test]
async fn a_scrape_is_one_trace_from_the_scheduler_to_the_store_and_log_entries_have_its_id() {
    let (simulator, receiver) = (simulator(busy_world("acme")), Receiver::grpc().await);
    let folder = TempDir::new().expect("a folder");
    let first_seen = simulator.now();
    let sampled = telemetry_section(&receiver.endpoint(), "sampled");
    let mut replica = replica(folder.path(), &simulator, &sampled, &[]).await;
    settle(&replica, &simulator, first_seen).await;
    let trace = receiver.wait_for("a whole scrape has arrived", scrape).await;
    let parent_of = |name| {
        let parent = &named(&trace, name).parent;
        trace.iter().find(|span| span.id == *parent).expect("a whole trace").name.as_str()
    };
    assert_eq!(named(&trace, "scrape").parent, "");
    assert_eq!(parent_of("scrape.cycle"), "scrape");
    assert_eq!(parent_of("github.request"), "scrape.cycle");
    assert_eq!(parent_of("store.write"), "scrape.cycle");
    let write = named(&trace, "store.write");
    assert!(trace.iter().any(|span| span.name == "store.exchange" && span.parent == write.id));
    let request = &named(&trace, "github.request").attributes;
    for (name, value) in
        [("org", "acme"), ("http.response.status_code", "200"), ("attempt", "1"), ("purpose", "live")]
    {
        assert_eq!(request.get(name).map(String::as_str), Some(value), "{name} of {request:?}");
    }
    assert!(request.contains_key("endpoint"));
    assert!(named(&trace, "scrape.cycle").attributes.contains_key("result"));
    assert!(trace.iter().all(|span| span.instance == "one" && !span.failed), "{trace:#?}");
    assert!(!format!("{:?}", receiver.received()).contains("secret"), "no token is sent");
    let resource = &receiver.received().resources[0];
    for (name, value) in [("service.name", "github-stats"), ("deployment.environment.name", "test")] {
        assert_eq!(resource.get(name).map(String::as_str), Some(value), "{resource:?}");
    }
    // Log entries within a trace have its id.
    let log = replica.log();
    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let scraped = lines.iter().find(|line| line["message"] == "scraped").expect("a cycle is logged");
    let (trace, span) = (scraped["trace_id"].as_str().unwrap(), scraped["span_id"].as_str().unwrap());
    let is_it = |seen: &&ReceivedSpan| seen.trace == trace && seen.id == span;
    assert_eq!(receiver.received().spans.iter().find(is_it).expect("it arrived").name, "scrape.cycle");
    let serving = lines.iter().find(|line| line["message"] == "serving").expect("the start is logged");
    assert!(serving["trace_id"].is_null(), "{serving}");
    // Unsent spans are flushed at shutdown.
    replica.get("/health/detailed").await;
    replica.signal("TERM");
    assert!(replica.wait(Duration::from_secs(20)).await.success(), "{}", replica.log());
    let route = ("http.route".to_owned(), "/health/detailed".to_owned());
    let received = receiver.received();
    assert!(received.spans.iter().any(|span| span.attributes.get(&route.0) == Some(&route.1)));
}

#[tokio::test]
async fn detailed_traces_are_exported_over_http() {
    let (simulator, receiver) = (simulator(busy_world("acme")), Receiver::http().await);
    let folder = TempDir::new().expect("a folder");
    let detailed = telemetry_section(&receiver.endpoint(), "detailed");
    let _replica = replica(folder.path(), &simulator, &detailed, &[HTTP]).await;
    let trace = receiver.wait_for("a whole scrape has arrived", scrape).await;
    let messages: Vec<&ReceivedSpan> = trace.iter().filter(|span| span.name == "message").collect();
    let to = |actor: &str, message: &str| {
        messages.iter().any(|span| {
            span.attributes["actor"].ends_with(actor) && span.attributes["message"].ends_with(message)
        })
    };
    assert!(to("OrgScraper", "RunCycle") && to("StoreActor", "Write"), "{messages:#?}");
}

#[tokio::test]
async fn in_mode_errors_only_traces_with_an_error_are_exported() {
    let (simulator, receiver) = (simulator(busy_world("acme")), Receiver::grpc().await);
    let folder = TempDir::new().expect("a folder");
    let first_seen = simulator.now();
    let errors = telemetry_section(&receiver.endpoint(), "errors");
    let replica = replica(folder.path(), &simulator, &errors, &[]).await;
    settle(&replica, &simulator, first_seen).await;
    assert_eq!(receiver.received().spans.len(), 0, "there was no error so far");
    simulator.faults().add(ApiFault::status(RequestMatcher::Always, 500, "Server Error").times(1));
    let is_over = |received: &Received| {
        let traces = received.traces();
        let failed = traces.values().find(|trace| is_whole(trace) && trace.iter().any(|span| span.failed))?;
        Some(failed.iter().map(|span| (*span).clone()).collect::<Vec<_>>())
    };
    let failed = receiver.wait_for("the trace with the error has arrived", is_over).await;
    let request = failed.iter().find(|span| span.failed).expect("it failed");
    assert_eq!((request.name.as_str(), request.attributes["attempt"].as_str()), ("github.request", "1"));
    assert!(failed.iter().any(|span| span.attributes.get("attempt").is_some_and(|attempt| attempt == "2")));
    settle(&replica, &simulator, first_seen).await;
    for (trace, spans) in receiver.received().traces() {
        assert!(spans.iter().any(|span| span.failed), "{trace} was sent for nothing: {spans:#?}");
    }
}
