//! A collector that is unavailable or silent costs nothing but the telemetry itself.

use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

use super::fixture::{replica, telemetry_section};
use super::receiver::Receiver;
use crate::support::{Replica, busy_world, settle, simulator};

/// The grace period of these replicas is 5 s; the rest is for a busy machine.
const END: Duration = Duration::from_secs(7);
const TIMEOUT: Duration = Duration::from_secs(60);

/// Waits until this many exports of a signal have failed.
async fn wait_for_export_failures(replica: &Replica, signal: &str, times: f64) {
    let series = format!("gh_exporter_otel_export_failures_total{{replica=\"one\",signal=\"{signal}\"}} ");
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let (status, page) = replica.get("/metrics").await;
        assert_eq!(status, 200);
        let count = page.lines().find_map(|line| line.strip_prefix(&series)?.parse::<f64>().ok());
        if count.expect("the counter begins at zero") >= times {
            return;
        }
        assert!(Instant::now() < deadline, "{signal}: {count:?}\n{}", replica.log());
        sleep(Duration::from_millis(100)).await;
    }
}

fn lines(replica: &Replica, message: &str, signal: &str) -> usize {
    let signal = format!("\"signal\":\"{signal}\"");
    replica.log().lines().filter(|line| line.contains(message) && line.contains(&signal)).count()
}

async fn ends_within_its_grace(mut replica: Replica) {
    let asked = Instant::now();
    replica.signal("TERM");
    assert!(replica.wait(END).await.success(), "{}", replica.log());
    println!("it ended after {:?}", asked.elapsed());
}

#[tokio::test]
async fn an_unavailable_collector_is_logged_once_per_outage_and_used_again_afterwards() {
    let simulator = simulator(busy_world("acme"));
    let folder = TempDir::new().expect("a folder");
    let port = crate::support::free_port();
    let first_seen = simulator.now();
    let nowhere = telemetry_section(&format!("http://127.0.0.1:{port}"), "detailed");
    let replica = replica(folder.path(), &simulator, &nowhere, &[]).await;
    settle(&replica, &simulator, first_seen).await;
    for signal in ["traces", "metrics"] {
        wait_for_export_failures(&replica, signal, 3.0).await;
        assert_eq!(lines(&replica, "does not accept telemetry", signal), 1, "{}", replica.log());
    }
    assert!(!replica.log().contains("BatchSpanProcessor"), "the SDK logs nothing:\n{}", replica.log());
    let receiver = Receiver::grpc_on(port).await;
    receiver
        .wait_for("both signals arrive", |received| {
            (!received.spans.is_empty() && !received.metrics.is_empty()).then_some(())
        })
        .await;
    let deadline = Instant::now() + TIMEOUT;
    while ["traces", "metrics"].iter().any(|signal| lines(&replica, "accepts telemetry again", signal) != 1) {
        assert!(Instant::now() < deadline, "{}", replica.log());
        sleep(Duration::from_millis(50)).await;
    }
    ends_within_its_grace(replica).await;
}

/// A port that accepts connections and never responds.
async fn silent_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            held.push(connection);
        }
    });
    port
}

async fn a_silent_collector_delays_nothing(protocol: &'static str) {
    let simulator = simulator(busy_world("acme"));
    let folder = TempDir::new().expect("a folder");
    let first_seen = simulator.now();
    let silent = telemetry_section(&format!("http://127.0.0.1:{}", silent_port().await), "detailed");
    let variables = [("OTEL_EXPORTER_OTLP_PROTOCOL", protocol), ("OTEL_EXPORTER_OTLP_TIMEOUT", "3000")];
    let replica = replica(folder.path(), &simulator, &silent, &variables).await;
    settle(&replica, &simulator, first_seen).await;
    for signal in ["traces", "metrics"] {
        wait_for_export_failures(&replica, signal, 1.0).await;
    }
    simulator.advance(Duration::from_secs(3600));
    settle(&replica, &simulator, first_seen).await;
    ends_within_its_grace(replica).await;
}

#[tokio::test]
async fn a_silent_collector_delays_nothing_over_grpc() {
    a_silent_collector_delays_nothing("grpc").await;
}

#[tokio::test]
async fn a_silent_collector_delays_nothing_over_http() {
    a_silent_collector_delays_nothing("http/protobuf").await;
}
