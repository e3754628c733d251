//! Administration of the real binary: status, objectives, maintenance, shutdown, and the web page.

mod page;

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use github_sim::Simulator;
use jiff::SignedDuration;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::support::redis::RedisServer;
use crate::support::{Replica, binary, busy_world, config, settle, simulator, wait_for_health};

const TIMEOUT: Duration = Duration::from_secs(60);
/// Three times the scrape interval of these tests.
const QUIET: SignedDuration = SignedDuration::from_millis(1_500);

/// Runs `github-stats admin …` against the replica.
fn admin(replica: &Replica, folder: &Path, arguments: &[&str]) -> Output {
    let url = format!("http://127.0.0.1:{}", replica.port());
    let mut command = Command::new(binary());
    command.arg("admin").args(arguments).args(["--url", &url]).current_dir(folder).env("USER", "ann");
    command.output().expect("it runs")
}

/// The JSON output of a command that must succeed.
fn admin_json(replica: &Replica, folder: &Path, arguments: &[&str]) -> Value {
    let output = admin(replica, folder, &[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{arguments:?}: {}", output_text(&output));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", output_text(&output)))
}

fn output_text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

async fn value(replica: &Replica, series: &str) -> Option<f64> {
    let (_, page) = replica.get("/metrics").await;
    page.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
}

/// How many cycles have ended in total.
async fn cycles(replica: &Replica) -> f64 {
    let (_, page) = replica.get("/metrics").await;
    let runs = page.lines().filter(|line| line.starts_with("gh_exporter_scrape_runs_total{"));
    runs.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
}

/// Waits until GitHub has had no requests for a while, which is when a running cycle has ended.
async fn wait_until_github_is_idle(simulator: &Simulator) {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        simulator.reset_log();
        let quiet_until = Instant::now() + QUIET.unsigned_abs();
        while Instant::now() < quiet_until && simulator.requests().is_empty() {
            sleep(Duration::from_millis(50)).await;
        }
        if simulator.requests().is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "GitHub keeps receiving requests");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_and_objectives_are_reported_as_text_and_json() {
    let simulator = simulator(busy_world("acme"));
    let folder = TempDir::new().expect("a folder");
    let replica = Replica::serve(folder.path(), &config(&simulator, "acme")).await;
    settle(&replica, &simulator, simulator.now()).await;
    let status = admin_json(&replica, folder.path(), &["status"]);
    assert_eq!((&status["role"], &status["ready"]), (&"leader".into(), &true.into()), "{status}");
    let acme = &status["organisations"]["acme"];
    assert_eq!(acme["state"], "healthy", "{acme}");
    assert!(acme["last_cycle"]["at"].is_string() && acme["next_due"].is_string(), "{acme}");
    assert!(acme["quota"]["budgets"].is_object() && acme["coverage_ratio"].is_f64(), "{acme}");
    assert!(status["memory"]["resident_bytes"].as_u64() > Some(1 << 20), "{status}");
    let table = output_text(&admin(&replica, folder.path(), &["status"]));
    for part in ["leader", "acme", "healthy", "nothing is paused"] {
        assert!(table.contains(part), "{part}: {table}");
    }
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let report = admin_json(&replica, folder.path(), &["slo"]);
        let objectives = report["objectives"].as_array().expect("objectives");
        if objectives.iter().all(|objective| objective["status"] == "met") {
            assert_eq!((objectives.len(), &report["status"]), (6, &"met".into()), "{report}");
            break;
        }
        assert!(Instant::now() < deadline, "{report:#}");
        sleep(Duration::from_millis(200)).await;
    }
    // Nothing is collected for a simulated hour: the data are stale, which the exit code reports.
    simulator.faults().add(github_sim::ApiFault::status(
        github_sim::RequestMatcher::Always,
        500,
        "Server Error",
    ));
    simulator.advance(Duration::from_secs(3_600));
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let output = admin(&replica, folder.path(), &["slo"]);
        if output.status.code() == Some(1) {
            assert!(output_text(&output).contains("missed"), "{}", output_text(&output));
            break;
        }
        assert!(Instant::now() < deadline, "{}", output_text(&output));
        sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_scraping_is_paused_github_gets_no_requests_and_afterwards_nothing_is_missing() {
    let simulator = simulator(busy_world("acme"));
    let folder = TempDir::new().expect("a folder");
    let config = config(&simulator, "acme");
    let replica = Replica::serve(folder.path(), &config).await;
    let first_seen = simulator.now();
    settle(&replica, &simulator, first_seen).await;
    let start = ["maintenance", "start", "--for", "10h", "--reason", "an upgrade of GHES", "--org", "acme"];
    let started = admin_json(&replica, folder.path(), &start);
    assert_eq!((&started["started"]["by"], &started["started"]["org"]), (&"ann".into(), &"acme".into()));
    wait_for_health(&replica, "it reports what is paused", |health| {
        let component = &health["components"]["maintenance"];
        let detail = component["detail"].as_str().unwrap_or_default();
        health["mode"] == "degraded"
            && component["status"] == "degraded"
            && detail.contains("an upgrade of GHES")
    })
    .await;
    wait_until_github_is_idle(&simulator).await;
    let (before, asked) = (cycles(&replica).await, simulator.requests().len());
    simulator.advance(Duration::from_secs(3 * 3_600));
    wait_until_github_is_idle(&simulator).await;
    assert_eq!((cycles(&replica).await, simulator.requests().len()), (before, asked), "no cycle was run");
    assert_eq!(value(&replica, "gh_exporter_maintenance{org=\"acme\"}").await, Some(1.0));
    assert_eq!(replica.get("/readyz").await.0, 200);
    // A pause survives a restart.
    replica.kill();
    let replica = Replica::serve(folder.path(), &config).await;
    wait_for_health(&replica, "it is still paused", |health| {
        health["components"]["maintenance"]["status"] == "degraded"
    })
    .await;
    wait_until_github_is_idle(&simulator).await;
    assert!(
        output_text(&admin(&replica, folder.path(), &["maintenance", "show"])).contains("an upgrade of GHES")
    );
    let ended = output_text(&admin(&replica, folder.path(), &["maintenance", "end"]));
    assert!(ended.contains("scraping of acme is resumed") && ended.contains("nothing is paused"), "{ended}");
    settle(&replica, &simulator, first_seen).await;
    wait_for_health(&replica, "it is healthy again", |health| health["mode"] == "healthy").await;
    assert_eq!(value(&replica, "gh_exporter_maintenance{org=\"acme\"}").await, Some(0.0));
    assert_eq!(value(&replica, "gh_activity_coverage_ratio{org=\"acme\"}").await, Some(1.0));
    let log = replica.log();
    assert!(log.contains("maintenance.start") && log.contains("maintenance.end"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_ends_by_itself() {
    let simulator = simulator(busy_world("acme"));
    let folder = TempDir::new().expect("a folder");
    let replica = Replica::serve(folder.path(), &config(&simulator, "acme")).await;
    let first_seen = simulator.now();
    settle(&replica, &simulator, first_seen).await;
    admin_json(&replica, folder.path(), &["maintenance", "start", "--for", "5s", "--reason", "a moment"]);
    simulator.advance(Duration::from_secs(600));
    settle(&replica, &simulator, first_seen).await;
    wait_for_health(&replica, "it is over", |health| {
        health["components"]["maintenance"]["status"] == "healthy"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server; tests/run runs it"]
async fn the_leader_honours_a_pause_that_was_started_at_another_replica() {
    let simulator = simulator(busy_world("acme"));
    let redis = RedisServer::start(&[]).await;
    let folders = [(); 2].map(|()| TempDir::new().expect("a folder"));
    let text = |name: &str| {
        format!(
            "{}store: {{backend: redis, redis_addr: \"127.0.0.1:{}\"}}\n\
             leader_election: {{backend: redis, lease_duration: 3s, renew_deadline: 2s, retry_period: 500ms}}\n",
            config(&simulator, "acme"),
            redis.port
        )
        .replace("server: {", &format!("server: {{replica_id: {name}, "))
    };
    let first = Replica::serve(folders[0].path(), &text("one")).await;
    wait_for_health(&first, "it leads", |health| health["role"] == "leader").await;
    let second = Replica::serve(folders[1].path(), &text("two")).await;
    let first_seen = simulator.now();
    settle(&second, &simulator, first_seen).await;
    // Started at the follower, honoured by the leader.
    admin_json(&second, folders[1].path(), &["maintenance", "start", "--reason", "a failover"]);
    wait_until_github_is_idle(&simulator).await;
    let status = admin_json(&second, folders[1].path(), &["status"]);
    assert_eq!(status["fleet"]["replicas"].as_array().map(Vec::len), Some(2), "{status}");
    assert!(
        status["organisations"]["acme"]["last_cycle"]["at"].is_string(),
        "as reported by the leader: {status}"
    );
    first.kill();
    wait_for_health(&second, "it leads", |health| health["role"] == "leader").await;
    simulator.advance(Duration::from_secs(1_800));
    wait_until_github_is_idle(&simulator).await;
    assert_eq!(value(&second, "gh_exporter_maintenance{org=\"acme\"}").await, Some(1.0));
    admin_json(&second, folders[1].path(), &["maintenance", "end", "--org", "*"]);
    settle(&second, &simulator, first_seen).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_shuts_down_gracefully_and_only_with_confirmation() {
    let folder = TempDir::new().expect("a folder");
    let mut replica = Replica::serve(folder.path(), "store: {backend: memory}\n").await;
    let refused = admin(&replica, folder.path(), &["shutdown"]);
    assert!(
        refused.status.code() == Some(1) && output_text(&refused).contains("--yes"),
        "{}",
        output_text(&refused)
    );
    let stopping = admin(&replica, folder.path(), &["shutdown", "--yes"]);
    assert!(stopping.status.success(), "{}", output_text(&stopping));
    assert_eq!(replica.wait(Duration::from_secs(30)).await.code(), Some(0), "{}", replica.log());
    let gone = admin(&replica, folder.path(), &["status"]);
    let address = format!("127.0.0.1:{}", replica.port());
    assert!(gone.status.code() == Some(1) && output_text(&gone).contains(&address), "{}", output_text(&gone));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_name_what_is_wrong_with_a_token_or_an_address() {
    let folder = TempDir::new().expect("a folder");
    let text = "server: {admin_token: s3cret}\nstore: {backend: memory}\n";
    let replica = Replica::serve(folder.path(), text).await;
    for (file, token) in [("right", "s3cret\n"), ("wrong", "guess"), ("empty", "\n")] {
        std::fs::write(folder.path().join(file), token).expect("a file");
    }
    for (arguments, code, part) in [
        (&["status"][..], 1, "a bearer token is needed"),
        (&["status", "--config", "config.yaml"], 0, "healthy"),
        (&["status", "--token-file", "right"], 0, "healthy"),
        (&["status", "--token-file", "wrong"], 1, "--token-file"),
        (&["status", "--token-file", "empty"], 1, "is empty"),
        (&["status", "--token-file", "absent"], 1, "absent"),
        (&["maintenance", "start", "--token-file", "right"], 2, "--reason"),
        (&["maintenance", "start", "--reason", "x", "--for", "soon", "--token-file", "right"], 2, "30m"),
        (&["maintenance", "start", "--reason", "x", "--for", "25h", "--token-file", "right"], 1, "24h"),
        (&["maintenance", "start", "--reason", "x", "--org", "nobody", "--token-file", "right"], 1, "nobody"),
    ] {
        let output = admin(&replica, folder.path(), arguments);
        let printed = output_text(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {printed}");
        assert!(
            printed.contains(part) && !printed.contains("s3cret") && !printed.contains("guess"),
            "{arguments:?}: {printed}"
        );
    }
    for path in ["", "/status", "/slo", "/maintenance", "/openapi.json", "/actors", "/dlq"] {
        let (status, _) = replica.get(&format!("/api/admin{path}")).await;
        assert_eq!(status, 401, "{path}");
    }
    let (status, _) = replica.request("POST", "/api/admin/shutdown", &[]).await.expect("an answer");
    assert_eq!(status, 401);
    assert_eq!(replica.get("/livez").await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_token_only_local_requests_are_served() {
    let folder = TempDir::new().expect("a folder");
    let replica = Replica::serve(folder.path(), "store: {backend: memory}\n").await;
    assert_eq!(replica.get("/api/admin/status").await.0, 200, "a local request");
    for headers in [
        &[("x-forwarded-for", "10.0.0.1")][..],
        &[("host", "replica.example:8080")],
        &[("origin", "https://elsewhere.example")],
    ] {
        for (method, path) in [("GET", "status"), ("POST", "shutdown"), ("DELETE", "maintenance")] {
            let path = format!("/api/admin/{path}");
            let (status, text) = replica.request(method, &path, headers).await.expect("an answer");
            assert_eq!(status, 403, "{method} {path} {headers:?}");
            assert!(text.contains("server.admin_token"), "{text}");
        }
    }
    let other = Command::new(binary())
        .args(["admin", "status", "--url", "https://127.0.0.1:1"])
        .current_dir(folder.path())
        .output()
        .expect("it runs");
    assert!(
        other.status.code() == Some(1) && output_text(&other).contains("http, not https"),
        "{}",
        output_text(&other)
    );
}
