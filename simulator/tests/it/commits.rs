//! Commits, comparisons and statistics.

use std::time::Duration;

use github_sim::{Commit, GithubWorld, Options, Simulator, StatisticsOptions};
use serde_json::Value;

use crate::client::{TOKEN, get, start, time, walk};

const NOW: &str = "2026-03-20T12:00:00Z";

/// a - b - c, later replaced by a - d - m, where m merges x (on a).
fn world() -> GithubWorld {
    let mut world = GithubWorld::new();
    let repo = world.org("acme").repo("api");
    let at = |hour: u32| time(&format!("2026-03-20T{hour:02}:00:00Z"));
    let sha = |letter: &str| letter.repeat(40);
    let commit = |letter: &str, hour| Commit::new("ada", at(hour)).sha(&sha(letter)).lines(4, 2).files(3);
    repo.push(at(1), vec![commit("a", 1)]);
    repo.push(at(3), vec![commit("b", 2), Commit::unlinked(at(3)).sha(&sha("c"))]);
    repo.push_to("topic", at(2), vec![commit("e", 2)]);
    repo.force_push(at(11), Some(&sha("a")), vec![commit("d", 4)]);
    repo.push(at(13), vec![Commit::merge("ada", at(13), &sha("e")).sha(&sha("f")).lines(9, 9)]);
    world.org("acme").repo("empty");
    world
}

fn names(items: &Value) -> String {
    let all = items.as_array().expect("a list").iter();
    all.filter_map(|item| item["sha"].as_str().and_then(|sha| sha.chars().next())).collect()
}

fn list(simulator: &Simulator, query: &str) -> String {
    names(&get(simulator, &format!("/repos/acme/api/commits?{query}")).json())
}

#[test]
fn commits_are_those_reachable_now() {
    let simulator = start(world(), "2026-03-20T10:00:00Z");
    assert_eq!(list(&simulator, ""), "cba");
    simulator.advance(Duration::from_secs(2 * 3_600));
    assert_eq!(list(&simulator, ""), "da");
    assert_eq!(list(&simulator, "sha=topic"), "ea");
    assert_eq!(list(&simulator, &format!("sha={}", "c".repeat(40))), "cba");
    simulator.advance(Duration::from_secs(2 * 3_600));
    assert_eq!(list(&simulator, ""), "fdea");
    let merge = get(&simulator, "/repos/acme/api/commits/main").json();
    assert_eq!(
        (merge["parents"].as_array().map(Vec::len), merge["stats"]["additions"].as_u64()),
        (Some(2), Some(9))
    );
}

#[test]
fn since_and_until_go_by_committer_date() {
    let simulator = start(world(), "2026-03-20T10:00:00Z");
    assert_eq!(list(&simulator, "since=2026-03-20T02:00:00Z"), "cb");
    assert_eq!(list(&simulator, "until=2026-03-20T02:00:00Z"), "ba");
    assert_eq!(list(&simulator, "since=2026-03-20T02:00:00Z&until=2026-03-20T02:30:00Z"), "b");
    assert_eq!(list(&simulator, "since=2026-03-21T00%3A00%3A00Z"), "");
}

#[test]
fn unlinked_authors_are_null_and_addresses_synthetic() {
    let simulator = start(world(), "2026-03-20T10:00:00Z");
    let commits = get(&simulator, "/repos/acme/api/commits").json();
    assert_eq!(commits[0]["author"], Value::Null);
    assert_eq!(commits[1]["author"]["login"], "ada");
    let email = commits[0]["commit"]["author"]["email"].as_str();
    assert!(email.is_some_and(|email| email.ends_with("@synthetic.invalid")));
}

#[test]
fn comparisons_report_how_histories_relate() {
    let simulator = start(world(), NOW);
    for (range, status, ahead, behind, base, commits) in [
        ("a...c", "ahead", 2, 0, "a", "bc"),
        ("c...a", "behind", 0, 2, "a", ""),
        ("c...d", "diverged", 1, 2, "a", "d"),
        ("d...d", "identical", 0, 0, "d", ""),
    ] {
        let (from, to) = range.split_once("...").expect("a range");
        let target = format!("/repos/acme/api/compare/{}...{}", from.repeat(40), to.repeat(40));
        let body = get(&simulator, &target).json();
        assert_eq!(body["status"], status, "{range}");
        assert_eq!((body["ahead_by"].as_u64(), body["behind_by"].as_u64()), (Some(ahead), Some(behind)));
        assert_eq!(body["merge_base_commit"]["sha"], base.repeat(40));
        assert_eq!(names(&body["commits"]), commits, "{range}");
    }
    let unknown = format!("/repos/acme/api/compare/{}...main", "9".repeat(40));
    assert_eq!(get(&simulator, &unknown).status, 404);
    let paged = get(
        &simulator,
        &format!("/repos/acme/api/compare/{}...{}?per_page=1", "a".repeat(40), "c".repeat(40)),
    );
    assert_eq!(names(&paged.json()["commits"]), "b");
    let next = get(&simulator, &paged.link("next").expect("a second page"));
    assert_eq!(names(&next.json()["commits"]), "c");
    assert_eq!(next.link("next"), None);
}

#[test]
fn files_of_a_commit_come_in_pages() {
    let simulator = start(world(), NOW);
    let commit = get(&simulator, &format!("/repos/acme/api/commits/{}?per_page=2", "b".repeat(40)));
    let files = commit.json()["files"].as_array().cloned().expect("files");
    assert_eq!((files.len(), files[0]["additions"].as_u64()), (2, Some(2)));
    assert!(commit.link("next").is_some());
}

#[test]
fn branches_are_listed_and_empty_repositories_answer_409() {
    let simulator = start(world(), NOW);
    let (branches, _) = walk(&simulator, "/repos/acme/api/branches");
    assert_eq!(
        branches.iter().filter_map(|branch| branch["name"].as_str()).collect::<Vec<_>>(),
        ["main", "topic"]
    );
    let empty = get(&simulator, "/repos/acme/empty/commits");
    assert_eq!((empty.status, empty.json()["message"].as_str()), (409, Some("Git Repository is empty.")));
}

#[test]
fn statistics_are_computed_first_and_leave_merges_out() {
    let simulator = start(world(), "2026-03-20T14:00:00Z");
    let target = "/repos/acme/api/stats/contributors";
    assert_eq!(get(&simulator, target).status, 202);
    let rows = get(&simulator, target).json();
    assert_eq!((rows[0]["author"]["login"].as_str(), rows[0]["total"].as_u64()), (Some("ada"), Some(3)));
    assert_eq!(rows[0]["weeks"][0]["a"], 12);
    assert_eq!(get(&simulator, "/repos/acme/empty/stats/contributors").status, 204);
}

#[test]
fn statistics_can_be_slow_late_and_without_lines() {
    let target = "/repos/acme/api/stats/contributors";
    let with = |statistics| Options { statistics, ..Options::with_token(TOKEN) };
    let ask = |options: Options| {
        let now = time("2026-03-20T14:00:00Z");
        let simulator = Simulator::start(world(), options.starting_at(now).frozen()).expect("a simulator");
        [(); 3].map(|()| get(&simulator, target))
    };
    let slow = ask(with(StatisticsOptions { pending: 2, ..StatisticsOptions::default() }));
    assert_eq!(slow.map(|answer| answer.status), [202, 202, 200]);
    let large = ask(with(StatisticsOptions { pending: 0, zero_from: 1, ..StatisticsOptions::default() }));
    let weeks = &large[0].json()[0]["weeks"][0];
    assert_eq!((weeks["a"].as_u64(), weeks["d"].as_u64()), (Some(0), Some(0)));
    assert!(weeks["c"].as_u64() > Some(0));
    let lag = Duration::from_secs(365 * 86_400);
    let late = ask(with(StatisticsOptions { pending: 0, lag, ..StatisticsOptions::default() }));
    assert_eq!(late[0].status, 202, "there was nothing a year ago");
}
