//! Events become visible when the simulated time reaches them.

use std::time::Duration;

use github_sim::{Comment, Commit, GithubWorld, PullRequest, Review, ReviewState};

use crate::client::{get, start, time};

const HOUR: Duration = Duration::from_secs(3_600);

fn world() -> GithubWorld {
    let mut world = GithubWorld::new();
    let repo = world.org("acme").repo("api");
    repo.push(
        time("2026-03-02T10:00:00Z"),
        vec![Commit::new("ada", time("2026-03-02T09:00:00Z")).sha(&"a".repeat(40))],
    );
    repo.push(
        time("2026-03-02T12:30:00Z"),
        vec![Commit::new("ada", time("2026-03-02T08:00:00Z")).sha(&"b".repeat(40))],
    );
    let pull = PullRequest::new("ada", time("2026-03-02T11:00:00Z")).merged_at(time("2026-03-02T13:30:00Z"));
    let number = repo.pull_request(pull);
    repo.review(number, Review::approved("grace", time("2026-03-02T12:40:00Z")));
    repo.review(number, Review::new("ken", ReviewState::Pending, time("2026-03-02T12:41:00Z")));
    let comment = Comment::new("ken", time("2026-03-02T11:30:00Z")).deleted_at(time("2026-03-02T13:00:00Z"));
    repo.comment(number, comment);
    world
}

#[test]
fn events_become_visible_when_the_clock_reaches_them() {
    let simulator = start(world(), "2026-03-02T12:00:00Z");
    let commits = || get(&simulator, "/repos/acme/api/commits").json().as_array().map(Vec::len);
    let pull = || get(&simulator, "/repos/acme/api/pulls/1").json();
    let comments = || get(&simulator, "/repos/acme/api/issues/comments").json().as_array().map(Vec::len);
    assert_eq!((commits(), comments()), (Some(1), Some(1)));
    assert_eq!((pull()["state"].as_str(), pull()["merged_at"].as_str()), (Some("open"), None));
    assert_eq!(pull()["updated_at"], "2026-03-02T11:30:00Z");
    assert_eq!(get(&simulator, &format!("/repos/acme/api/commits/{}", "b".repeat(40))).status, 422);

    simulator.advance(HOUR);
    assert_eq!((commits(), comments()), (Some(2), Some(0)));
    let reviews = get(&simulator, "/repos/acme/api/pulls/1/reviews").json();
    assert_eq!(reviews.as_array().map(Vec::len), Some(2));
    assert!(reviews[1].get("submitted_at").is_none() && reviews[1]["state"] == "PENDING");
    assert!(reviews[0]["id"].as_u64() > Some(1 << 31));
    assert_eq!(pull()["updated_at"], "2026-03-02T12:40:00Z");
    assert_eq!(get(&simulator, "/repos/acme/api").json()["pushed_at"], "2026-03-02T12:30:00Z");

    simulator.advance(HOUR);
    assert_eq!((pull()["state"].as_str(), pull()["merged"].as_bool()), (Some("closed"), Some(true)));
    let date = get(&simulator, "/meta").header("date").map(str::to_owned);
    assert_eq!(date.as_deref(), Some("Mon, 02 Mar 2026 14:00:00 GMT"));
}

#[test]
fn renames_and_deletions_of_repositories_take_effect_at_their_time() {
    let mut world = world();
    let repo = world.org("acme").repo("api");
    repo.rename(time("2026-03-02T12:10:00Z"), "backend").delete(time("2026-03-02T13:10:00Z"));
    let simulator = start(world, "2026-03-02T12:00:00Z");
    assert_eq!(get(&simulator, "/repos/acme/backend").status, 404);
    let node_id = get(&simulator, "/repos/acme/api").json()["node_id"].clone();
    simulator.advance(HOUR);
    let moved = get(&simulator, "/repos/acme/api/commits?per_page=1");
    assert_eq!(moved.status, 301);
    let location =
        moved.header("location").and_then(|url| url.strip_prefix(simulator.url())).expect("a location");
    assert_eq!(get(&simulator, location).json().as_array().map(Vec::len), Some(1));
    assert_eq!(get(&simulator, "/repos/acme/backend").json()["node_id"], node_id);
    simulator.advance(HOUR);
    assert_eq!(get(&simulator, "/repos/acme/backend").status, 404);
    assert_eq!(get(&simulator, "/orgs/acme/repos").json().as_array().map(Vec::len), Some(0));
}

#[test]
fn a_clock_runs_in_real_time_unless_it_is_frozen() {
    let options = github_sim::Options::default().starting_at(time("2030-01-01T00:00:00Z"));
    let simulator = github_sim::Simulator::start(GithubWorld::new(), options).expect("a simulator");
    simulator.advance(HOUR);
    let first = simulator.now();
    assert!(first >= time("2030-01-01T01:00:00Z") && first < time("2030-01-01T01:01:00Z"));
    simulator.freeze();
    assert_eq!(simulator.now(), simulator.now());
}

#[test]
fn edits_are_visible_at_once() {
    let simulator = start(GithubWorld::new(), "2026-03-02T12:00:00Z");
    assert_eq!(get(&simulator, "/orgs/acme").status, 404);
    simulator.edit(|world| world.org("acme").repo("api").push(time("2026-03-02T11:00:00Z"), vec![]).len());
    assert_eq!(get(&simulator, "/orgs/acme").status, 200);
    assert_eq!(get(&simulator, "/repos/acme/api/commits").status, 409);
}
