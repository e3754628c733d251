//! Exported metrics equal the scraped ones.

use std::collections::BTreeMap;

use tempfile::TempDir;

use super::fixture::{replica, telemetry_section};
use super::receiver::{Attributes, Point, Received, Receiver};
use crate::support::{busy_world, simulator, wait_for_metrics};

const HTTP: (&str, &str) = ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");

/// The samples of a page whose name starts with `name`, by labels.
pub fn samples(page: &str, name: &str) -> BTreeMap<String, f64> {
    let lines = page.lines().filter_map(|line| line.strip_prefix(name)?.rsplit_once(' '));
    lines.map(|(labels, value)| (labels.to_owned(), value.parse().expect("a number"))).collect()
}

fn labels(attributes: &Attributes, order: &[&str]) -> String {
    let pairs: Vec<String> = order.iter().map(|name| format!("{name}=\"{}\"", attributes[*name])).collect();
    format!("{{{}}}", pairs.join(","))
}

fn received_samples(received: &Received, wanted: &str, order: &[&str]) -> BTreeMap<String, Point> {
    let of_it = received.metrics.iter().filter(|((name, _), _)| name == wanted);
    of_it.map(|((_, attributes), point)| (labels(attributes, order), point.clone())).collect()
}

pub fn numbers(received: &Received, wanted: &str, order: &[&str]) -> BTreeMap<String, f64> {
    let number = |(labels, point)| match point {
        Point::Number(number) => (labels, number),
        other => panic!("{wanted}{labels}: {other:?}"),
    };
    received_samples(received, wanted, order).into_iter().map(number).collect()
}

#[tokio::test]
async fn the_collector_receives_what_a_scrape_shows() {
    let (simulator, receiver) = (simulator(busy_world("acme")), Receiver::http().await);
    let folder = TempDir::new().expect("a folder");
    let off = telemetry_section(&receiver.endpoint(), "off");
    let replica = replica(folder.path(), &simulator, &off, &[HTTP]).await;
    for _ in 0..3 {
        replica.get("/health/detailed").await;
    }
    let path = "replica=\"one\",path=\"/health/detailed\"";
    let page = replica.get("/metrics").await.1;
    let requests = format!("{{{path},status_class=\"2xx\"}}");
    assert_eq!(samples(&page, "gh_exporter_http_requests_total")[&requests], 3.0);
    let order = ["replica", "path", "status_class"];
    let is_received = |received: &Received| {
        numbers(received, "gh_exporter_http_requests_total", &order)
            .get(&requests)
            .filter(|n| **n == 3.0)
            .copied()
    };
    receiver.wait_for("the requests are exported", is_received).await;
    let received = receiver.received();
    assert_eq!(received.spans.len(), 0, "traces are off");
    // Every bucket of the durations.
    let key = format!("{{{path}}}");
    let histogram =
        &received_samples(&received, "gh_exporter_http_request_duration_seconds", &order[..2])[&key];
    let Point::Histogram(buckets, count, sum) = histogram else { panic!("{histogram:?}") };
    let shown = |suffix: &str, labels: &str| {
        samples(&page, &format!("gh_exporter_http_request_duration_seconds{suffix}"))[labels]
    };
    assert_eq!((shown("_count", &key), shown("_sum", &key)), (*count as f64, *sum));
    for (bound, below) in buckets {
        assert_eq!(shown("_bucket", &format!("{{{path},le=\"{bound}\"}}")), *below as f64);
    }
    assert_eq!(buckets.len(), 10);
    // Metrics that do not change once everything has started.
    wait_for_metrics(&replica, "all actors", |page| {
        samples(page, "gh_exporter_actor_up").values().all(|up| *up == 1.0)
    })
    .await;
    let page = replica.get("/metrics").await.1;
    let actors = ["replica", "actor"];
    for (name, order) in [
        ("gh_exporter_actor_up", &actors[..]),
        ("gh_exporter_actor_restarts_total", &["replica", "actor", "reason"]),
        ("gh_exporter_otel_export_failures_total", &["replica", "signal"]),
        ("process_start_time_seconds", &actors[..1]),
        ("process_max_fds", &actors[..1]),
    ] {
        let shown = samples(&page, name);
        assert!(!shown.is_empty(), "{name} is shown:\n{page}");
        let is_received = |received: &Received| (numbers(received, name, order) == shown).then_some(());
        receiver.wait_for(&format!("{name} is exported as it is shown: {shown:?}"), is_received).await;
    }
    let cpu = numbers(&received, "process_cpu_seconds_total", &actors[..1]);
    assert!(cpu["{replica=\"one\"}"] > 0.0);
    assert_eq!(received.resources[0]["service.instance.id"], "one");
}
