//! Pagination, order and filters of lists.

use std::collections::BTreeSet;

use github_sim::{Comment, Commit, GithubWorld, Issue, PullRequest};
use jiff::SignedDuration;

use crate::client::{get, start, time, walk};

const NOW: &str = "2026-03-20T12:00:00Z";

fn world() -> GithubWorld {
    let (now, mut world) = (time(NOW), GithubWorld::new());
    for nth in 0..45 {
        let at = now - SignedDuration::from_hours(100 - nth);
        world.org("acme").repo(&format!("repo-{nth:02}")).push(at, vec![Commit::new("ada", at)]);
    }
    let repo = world.org("acme").repo("repo-00");
    for nth in 0..120 {
        let at = now - SignedDuration::from_hours(300 - nth);
        let number = repo.pull_request(PullRequest::new("ada", at));
        repo.comment(number, Comment::new("grace", at + SignedDuration::from_mins(5)));
    }
    repo.issue(Issue::by_ghost(now - SignedDuration::from_hours(1)));
    world
}

#[test]
fn paging_returns_each_item_once() {
    let simulator = start(world(), NOW);
    for (target, count, pages) in [
        ("/orgs/acme/repos?sort=pushed", 45, 2),
        ("/repos/acme/repo-00/pulls?per_page=50", 120, 3),
        ("/repos/acme/repo-00/issues?per_page=500", 121, 2),
        ("/repos/acme/repo-00/issues/comments?per_page=7", 120, 18),
    ] {
        let (items, walked) = walk(&simulator, target);
        let ids: BTreeSet<u64> = items.iter().filter_map(|item| item["id"].as_u64()).collect();
        assert_eq!((items.len(), ids.len(), walked), (count, count, pages), "{target}");
    }
}

#[test]
fn link_headers_name_all_other_pages() {
    let simulator = start(world(), NOW);
    let middle = get(&simulator, "/orgs/acme/repos?per_page=10&page=3&sort=full_name");
    for (rel, page) in [("first", 1), ("prev", 2), ("next", 4), ("last", 5)] {
        let link = middle.link(rel).expect("a link");
        assert!(link.ends_with(&format!("&page={page}")) && link.starts_with("/organizations/"), "{link}");
        assert_eq!(get(&simulator, &link).status, 200);
    }
    assert_eq!(middle.json()[0]["name"], "repo-20");
    assert_eq!(get(&simulator, "/orgs/acme/repos?per_page=10&page=9").json(), serde_json::json!([]));
}

#[test]
fn repositories_are_sorted_by_their_last_push() {
    let simulator = start(world(), NOW);
    let (repos, _) = walk(&simulator, "/orgs/acme/repos?sort=pushed&direction=desc&per_page=100");
    let pushed: Vec<&str> = repos.iter().filter_map(|repo| repo["pushed_at"].as_str()).collect();
    assert!(pushed.len() == 45 && pushed.is_sorted_by(|a, b| a >= b));
}

#[test]
fn pulls_sorted_by_update_are_oldest_first_by_default() {
    let simulator = start(world(), NOW);
    let numbers = |query: &str| {
        let pulls = get(&simulator, &format!("/repos/acme/repo-00/pulls?{query}")).json();
        pulls[0]["number"].as_u64()
    };
    assert_eq!(numbers("sort=updated"), Some(1));
    assert_eq!(numbers("sort=updated&direction=desc"), Some(120));
    assert_eq!(numbers("sort=created"), Some(120));
    assert_eq!(numbers("state=closed"), None);
}

#[test]
fn since_filters_issues_and_comments_by_their_update() {
    let simulator = start(world(), NOW);
    let since = (time(NOW) - SignedDuration::from_hours(200)).to_string();
    let comments = walk(&simulator, &format!("/repos/acme/repo-00/issues/comments?since={since}")).0;
    assert_eq!(comments.len(), 20);
    let issues =
        walk(&simulator, &format!("/repos/acme/repo-00/issues?since={}", since.replace(':', "%3A"))).0;
    assert_eq!(issues.len(), 21);
    let pulls = issues.iter().filter(|issue| issue.get("pull_request").is_some()).count();
    assert_eq!(pulls, 20);
    assert!(issues.iter().any(|issue| issue["user"]["login"] == "ghost"));
}

#[test]
fn issues_of_an_organisation_need_a_filter() {
    let simulator = start(world(), NOW);
    assert_eq!(walk(&simulator, "/orgs/acme/issues").0.len(), 0);
    assert_eq!(walk(&simulator, "/orgs/acme/issues?filter=all&state=all").0.len(), 121);
}

#[test]
fn unknown_paths_are_not_found() {
    let simulator = start(world(), NOW);
    for target in ["/orgs/nobody/repos", "/repos/acme/nothing", "/nonsense", "/repos/acme/repo-00/pulls/999"]
    {
        let answer = get(&simulator, target);
        assert_eq!((answer.status, answer.json()["message"].as_str()), (404, Some("Not Found")), "{target}");
    }
}
