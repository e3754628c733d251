//! `github-stats dlq` on real dead letters.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use github_sim::{ApiFault, Commit, GithubWorld, PullRequest, RequestMatcher, Review};
use jiff::SignedDuration;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::backfill_fixture::BackfillFixture;
use crate::support::{Rabbit, Replica, binary, busy_world, config, simulator};

/// Whether a command succeeded, and its output.
fn run(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let output =
        Command::new(binary()).arg("dlq").args(arguments).current_dir(folder).output().expect("it runs");
    let printed =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), printed)
}

fn json(folder: &Path, arguments: &[&str]) -> Value {
    let (success, printed) = run(folder, &[arguments, &["--json"]].concat());
    assert!(success, "{arguments:?}: {printed}");
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
}

async fn wait_for_dead_letters(
    folder: &Path,
    common: &[&str],
    wanted: impl Fn(&[Value]) -> bool,
) -> Vec<Value> {
    let deadline = Instant::now() + Duration::from_secs(90);
    loop {
        let listed = json(folder, &[&["list", "--count", "50"], common].concat());
        let dead_letters = listed["letters"].as_array().expect("a list").clone();
        if wanted(&dead_letters) {
            return dead_letters;
        }
        assert!(Instant::now() < deadline, "{listed}");
        sleep(Duration::from_millis(200)).await;
    }
}

/// Two repositories with little activity, because over REST every commit costs a request.
pub fn small_organisation(now: jiff::Timestamp) -> GithubWorld {
    let at = |minutes: i64| now - SignedDuration::from_mins(minutes);
    let mut world = GithubWorld::new();
    for name in ["fixable", "hopeless"] {
        let repo = world.org("acme").create_repo(name, at(6_000));
        repo.push(
            at(500),
            vec![Commit::new("ada", at(600)).lines(7, 2), Commit::new("bob", at(510)).lines(1, 0)],
        );
        let pull = repo.pull_request(PullRequest::new("bob", at(400)).merged_at(at(300)));
        repo.review(pull, Review::approved("ada", at(350)));
    }
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server and rabbitmq-server; tests/run runs it"]
async fn a_job_that_failed_for_a_reason_is_reprocessed_once_and_one_that_cannot_succeed_is_resolved() {
    let simulator = simulator(small_organisation);
    let (fixable, hopeless) = ("fixable".to_owned(), "hopeless".to_owned());
    for name in [&fixable, &hopeless] {
        simulator.faults().add(ApiFault::status(
            RequestMatcher::Repo(format!("acme/{name}")),
            403,
            "Resource not accessible",
        ));
    }
    let fixture = BackfillFixture::start_with(simulator, "rest").await;
    let folder = fixture.folder().to_owned();
    let common: &[&str] = &["--config", "config.yaml"];
    let of = |name: &str| {
        let name = name.to_owned();
        move |dead_letter: &Value| dead_letter["job"]["repo"] == name.as_str()
    };
    let dead_letters = wait_for_dead_letters(&folder, common, |dead_letters| {
        dead_letters.iter().any(of(&fixable)) && dead_letters.iter().any(of(&hopeless))
    })
    .await;
    let id = |name: &str| {
        let found = dead_letters.iter().find(|dead_letter| of(name)(dead_letter)).expect("a dead letter");
        found["id"].as_str().expect("an id").to_owned()
    };
    let (first, second) = (id(&fixable), id(&hopeless));
    let (_, table) = run(&folder, &[&["list"], common].concat());
    assert!(table.contains(&first) && table.contains("cannot_succeed"), "{table}");
    let (_, shown) = run(&folder, &[&["inspect", "--id", &first], common].concat());
    for part in [first.as_str(), fixable.as_str(), "cannot_succeed", "attempt"] {
        assert!(shown.contains(part), "{part} is missing: {shown}");
    }
    fixture.simulator.faults().clear();
    let again = json(&folder, &[&["reprocess", "--id", &first], common].concat());
    assert_eq!(again["reprocessed"][0]["job_id"], format!("{first}~2"));
    let (success, printed) = run(&folder, &[&["reprocess", "--id", &first], common].concat());
    assert!(!success && printed.contains("reprocessed or resolved before"), "{printed}");
    let (success, printed) =
        run(&folder, &[&["resolve", "--id", &second, "--reason", "it is gone"], common].concat());
    assert!(success, "{printed}");
    let report = json(&folder, &[&["report", "--hours", "24"], common].concat());
    assert!(report["by_reason"].is_object() && report["unresolved"].is_u64(), "{report}");
    let (success, printed) = run(&folder, &[&["reprocess", "--all"], common].concat());
    assert!(success, "{printed}");
    fixture
        .wait_for_metric("everything is covered", "gh_activity_coverage_ratio", |ratio| ratio == 1.0)
        .await;
    let dead_letters = format!("gh_exporter_queue_depth{{queue=\"{}.dlq\"}}", fixture.exchange);
    fixture.wait_for_metric("no dead letter is left", &dead_letters, |count| count == 0.0).await;
    let logs = fixture.leader.log() + &fixture.follower.log();
    assert!(logs.contains("dlq.resolve") && logs.contains("dlq.reprocess"), "the audit log has both");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs rabbitmq-server; tests/run runs it"]
async fn the_broker_is_queried_over_tls_and_its_certificate_is_verified() {
    let (_rabbit, port, authority) = Rabbit::start_with_tls().await;
    let folder = TempDir::new().expect("a folder");
    let text = format!("amqp: {{url: \"amqps://guest:guest@127.0.0.1:{port}/%2f\"}}\n");
    std::fs::write(folder.path().join("config.yaml"), text).expect("a file");
    let list = |variables: &[(&str, &Path)]| {
        let mut command = Command::new(binary());
        command.args(["dlq", "list", "--config", "config.yaml"]).current_dir(folder.path());
        command.env_remove("SSL_CERT_FILE").envs(variables.iter().copied());
        let output = command.output().expect("it runs");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (success, printed) = list(&[("SSL_CERT_FILE", &authority)]);
    assert!(success, "{printed}");
    let (success, printed) = list(&[]);
    assert!(!success && printed.to_lowercase().contains("certificate"), "{printed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_broker_dead_letters_are_read_from_a_running_replica() {
    let simulator = simulator(busy_world("acme"));
    let folder = TempDir::new().expect("a folder");
    let replica = Replica::serve(folder.path(), &config(&simulator, "acme")).await;
    let url = format!("http://127.0.0.1:{}", replica.port());
    let common: &[&str] = &["--url", &url];
    let (success, printed) = run(folder.path(), &[&["list"], common].concat());
    assert!(success && printed.contains("no dead letters"), "{printed}");
    let (success, printed) = run(folder.path(), &[&["inspect", "--id", "nobody"], common].concat());
    assert!(!success && printed.contains("nobody"), "{printed}");
    let (success, printed) = run(folder.path(), &["list", "--replica", "http://127.0.0.1:1"]);
    assert!(!success && printed.contains("127.0.0.1:1"), "{printed}");
}
