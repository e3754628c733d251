//! Acceptance tests of the real binary against the simulator's ground truth.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use github_sim::{
    ApiFault, Comment, Commit, GithubWorld, PullRequest, RequestMatcher, Review, from_histories,
};
use jiff::SignedDuration;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::support::{Replica, busy_world, config, counters, histories, parse_gauges, settle, simulator};

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn an_idle_replica_is_small() {
    let folder = TempDir::new().expect("a folder");
    let replica = Replica::serve(folder.path(), "github: {orgs: []}\n").await;
    while replica.get("/readyz").await.0 != 200 {
        sleep(Duration::from_millis(50)).await;
    }
    let megabytes = |kind| replica.memory_bytes(kind) as f64 / 1e6;
    let (all, own) = (megabytes("VmRSS"), megabytes("RssAnon"));
    println!("idle: {all:.1} MB resident, {own:.1} MB of them its own");
    assert!(own < 20.0, "{own} MB");
    // The code of a debug build alone is larger.
    assert!(all < 40.0 || std::env::var_os("GITHUB_STATS_BIN").is_none(), "{all} MB");
}

/// The newest commit of every history is three days ahead, so that advancing the clock adds new
/// commits.
fn recorded_world(now: jiff::Timestamp) -> GithubWorld {
    let newest = now + SignedDuration::from_hours(72);
    from_histories("recorded", &histories(), newest).expect("readable histories")
}

#[tokio::test]
async fn recorded_histories_are_counted_exactly_at_any_time_and_after_a_kill() {
    let simulator = simulator(recorded_world);
    let folder = TempDir::new().expect("a folder");
    let config = config(&simulator, "recorded");
    let replica = Replica::serve(folder.path(), &config).await;
    let first_seen = simulator.now();
    let at_first = settle(&replica, &simulator, first_seen).await;
    assert!(at_first.len() > 100, "the histories are busy: {} series", at_first.len());
    for hours in [1, 7, 26] {
        simulator.advance(hours * HOUR);
        settle(&replica, &simulator, first_seen).await;
    }
    // New activity has just appeared, so that this kill hits a running cycle.
    simulator.reset_log();
    simulator.advance(13 * HOUR);
    while simulator.requests().len() < 8 {
        sleep(Duration::from_millis(5)).await;
    }
    replica.kill();
    let replica = Replica::serve(folder.path(), &config).await;
    settle(&replica, &simulator, first_seen).await;
    simulator.advance(30 * HOUR);
    settle(&replica, &simulator, first_seen).await;
}

#[tokio::test]
async fn a_busy_organisation_with_bots_ghosts_and_force_pushes_is_counted_exactly() {
    let simulator = simulator(busy_world("acme"));
    let folder = TempDir::new().expect("a folder");
    let replica = Replica::serve(folder.path(), &config(&simulator, "acme")).await;
    let first_seen = simulator.now();
    for hours in [0, 1, 5, 17] {
        simulator.advance(hours * HOUR);
        settle(&replica, &simulator, first_seen).await;
    }
}

/// A user account with one repository in which each kind of event happened once, an hour ago.
fn of_a_user(now: jiff::Timestamp) -> GithubWorld {
    let at = |minutes: i64| now - SignedDuration::from_mins(minutes);
    let mut world = GithubWorld::new();
    let repo = world.user("ada").create_repo("notes", at(600));
    repo.push(at(60), vec![Commit::new("ada", at(300)).lines(7, 2), Commit::unlinked(at(61)).lines(1, 0)]);
    let pull = repo.pull_request(PullRequest::new("bob", at(50)).merged_at(at(40)));
    repo.review(pull, Review::approved("ada", at(45)));
    repo.review(pull, Review::pending("carl", at(44)));
    repo.comment(pull, Comment::by_ghost(at(43)));
    repo.rename(at(-60), "diary");
    world
}

#[tokio::test]
async fn a_user_account_is_collected_like_an_organisation_and_a_rename_moves_nothing() {
    let simulator = simulator(of_a_user);
    let folder = TempDir::new().expect("a folder");
    let replica = Replica::serve(folder.path(), &config(&simulator, "ada")).await;
    let first_seen = simulator.now();
    let before = settle(&replica, &simulator, first_seen).await;
    let users: BTreeSet<&str> = before.keys().map(|key| key.3.as_str()).collect();
    assert_eq!(
        users.into_iter().collect::<Vec<_>>(),
        ["ada", "bob", "ghost", "unlinked"],
        "pending reviews are not counted"
    );
    simulator.advance(2 * HOUR);
    let after = settle(&replica, &simulator, first_seen).await;
    assert!(after.keys().all(|key| key.2 == "diary"), "{after:?}");
}

#[tokio::test]
async fn ten_minutes_of_errors_age_the_gauges_and_lose_nothing() {
    let simulator = simulator(busy_world("acme"));
    let folder = TempDir::new().expect("a folder");
    let replica = Replica::serve(folder.path(), &config(&simulator, "acme")).await;
    let first_seen = simulator.now();
    let before = settle(&replica, &simulator, first_seen).await;
    let back = simulator.now() + SignedDuration::from_mins(10);
    simulator.faults().add(ApiFault::status(RequestMatcher::Always, 500, "Server Error").until(back));
    for _ in 0..10 {
        simulator.advance(Duration::from_secs(59));
        sleep(Duration::from_millis(300)).await;
        let (status, text) = replica.get("/metrics").await;
        assert_eq!(status, 200);
        assert!(!parse_gauges(&text).is_empty(), "the last known state is still served");
        assert_eq!(replica.get("/readyz").await.0, 200, "failures of GitHub do not make it unready");
    }
    let after = settle(&replica, &simulator, first_seen).await;
    assert_ne!(before, after);
    // Without responses the replica's own clock ages the gauges.
    simulator.advance(Duration::from_secs(300));
    settle(&replica, &simulator, first_seen).await;
}

#[tokio::test]
async fn the_demo_shows_several_users_soon_after_its_start() {
    let folder = TempDir::new().expect("a folder");
    let started = Instant::now();
    let replica = Replica::spawn(folder.path(), &["demo"]).await;
    let users = loop {
        let (_, text) = replica.get("/metrics").await;
        let users: BTreeSet<String> = parse_gauges(&text).into_keys().map(|key| key.3).collect();
        if users.len() >= 3 {
            break users;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "no activity:\n{}", replica.log());
        sleep(Duration::from_millis(50)).await;
    };
    println!("{} users after {:?}", users.len(), started.elapsed());
    let (status, text) = replica.get("/healthz").await;
    assert_eq!(status, 200, "{text}");
}

#[tokio::test]
async fn a_graceful_stop_is_quick_and_a_second_replica_on_the_same_store_is_refused() {
    let simulator = simulator(busy_world("acme"));
    let folder = TempDir::new().expect("a folder");
    let config = config(&simulator, "acme");
    let mut replica = Replica::serve(folder.path(), &config).await;
    let first_seen = simulator.now();
    settle(&replica, &simulator, first_seen).await;
    let second = std::process::Command::new(crate::support::binary())
        .args(["serve", "--config", "config.yaml", "--listen", "127.0.0.1:0"])
        .current_dir(folder.path())
        .output()
        .expect("it runs");
    let printed = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(1), "{printed}");
    assert!(printed.contains("another"), "the lock is named: {printed}");
    replica.signal("TERM");
    let status = replica.wait(Duration::from_secs(10)).await;
    assert_eq!(status.code(), Some(0), "{}", replica.log());
    let again = Replica::serve(folder.path(), &config).await;
    settle(&again, &simulator, first_seen).await;
}

#[tokio::test]
async fn a_destroyed_store_comes_back_from_its_backup() {
    let simulator = simulator(busy_world("acme"));
    let folder = TempDir::new().expect("a folder");
    let config = config(&simulator, "acme");
    let mut replica = Replica::serve(folder.path(), &config).await;
    let first_seen = simulator.now();
    settle(&replica, &simulator, first_seen).await;
    let before = activity_counters(&replica).await;
    assert!(before.len() > 20, "{before:?}");
    replica.signal("TERM");
    replica.wait(Duration::from_secs(10)).await;
    let run = |command: &str| {
        let output = std::process::Command::new(crate::support::binary())
            .args([command, "--config", "config.yaml", "saved.backup"])
            .current_dir(folder.path())
            .output()
            .expect("it runs");
        let printed =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{printed}");
        assert!(printed.contains("4 repositories"), "{printed}");
    };
    run("backup");
    std::fs::remove_dir_all(folder.path().join("data")).expect("destroyed");
    run("restore");
    run("restore");
    // GitHub fails, so that only restored data is shown. Counters do not age; the last cycle before
    // the end may have added to them.
    simulator.faults().add(ApiFault::status(RequestMatcher::Always, 503, "Unavailable"));
    let replica = Replica::serve(folder.path(), &config).await;
    let deadline = Instant::now() + Duration::from_secs(30);
    let kept =
        |after: &BTreeMap<String, f64>| before.iter().all(|(name, value)| after.get(name) >= Some(value));
    while !kept(&activity_counters(&replica).await) {
        assert!(Instant::now() < deadline, "not everything came back: {before:#?}\n{}", replica.log());
        sleep(Duration::from_millis(50)).await;
    }
}

/// The activity counters in a replica's metrics.
async fn activity_counters(replica: &Replica) -> BTreeMap<String, f64> {
    let (_, text) = replica.get("/metrics").await;
    counters(&text).filter(|(name, _)| name.starts_with("gh_activity_")).collect()
}
