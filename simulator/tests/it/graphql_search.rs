//! Searches.

use std::time::Duration;

use github_sim::{Comment, GithubWorld, Issue, Options, PullRequest, Simulator};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::client::{TOKEN, query, start, time};

const NOW: &str = "2026-03-20T12:00:00Z";

const SEARCH: &str = "query Search($q: String!, $after: String) {
  search(type: ISSUE, query: $q, first: 100, after: $after) {
    issueCount pageInfo { hasNextPage endCursor }
    nodes { __typename ... on PullRequest { number } ... on Issue { number } }
  }
}";

fn world() -> GithubWorld {
    let (now, mut world) = (time(NOW), GithubWorld::new());
    let ago = |hours: i64| now - SignedDuration::from_hours(hours);
    let repo = world.org("acme").repo("api");
    repo.pull_request(PullRequest::new("ada", ago(90)));
    repo.pull_request(PullRequest::new("ada", ago(80)).merged_at(ago(5)));
    repo.issue(Issue::new("grace", ago(70)).closed_at(ago(60)));
    let issue = repo.issue(Issue::new("ada", ago(50)));
    repo.comment(issue, Comment::new("ken", ago(2)));
    world.org("acme").repo("web").issue(Issue::new("ada", ago(1)));
    world.org("other").repo("thing").issue(Issue::new("ada", ago(1)));
    world
}

fn numbers(simulator: &Simulator, q: &str) -> Vec<u64> {
    let answer = query(simulator, SEARCH, &json!({"q": q})).json();
    assert_eq!(answer.get("errors"), None);
    let nodes = answer["data"]["search"]["nodes"].as_array().expect("nodes");
    assert_eq!(answer["data"]["search"]["issueCount"], nodes.len());
    nodes.iter().filter_map(|node| node["number"].as_u64()).collect()
}

#[test]
fn qualifiers_narrow_a_search() {
    let simulator = start(world(), NOW);
    for (q, expected) in [
        ("repo:acme/api sort:created-asc", vec![1, 2, 3, 4]),
        ("repo:acme/api is:pr sort:updated-desc", vec![2, 1]),
        ("org:acme is:issue is:open sort:created-asc", vec![4, 1]),
        ("org:acme updated:>=2026-03-20T06:00:00Z sort:updated-asc", vec![2, 4, 1]),
        ("user:acme merged:2026-03-20", vec![2]),
        ("org:acme is:pr is:unmerged", vec![1]),
        ("org:acme created:2026-03-16T00:00:00Z..2026-03-17T12:00:00Z sort:created-asc", vec![1, 2]),
        ("org:acme updated:<2026-03-17", vec![1]),
        ("org:acme author:grace", vec![3]),
        ("org:other", vec![1]),
        ("org:nobody", vec![]),
    ] {
        assert_eq!(numbers(&simulator, q), expected, "{q}");
    }
}

#[test]
fn searches_lag_behind() {
    let options =
        Options::with_token(TOKEN).starting_at(time(NOW)).frozen().search_lag(Duration::from_secs(60));
    let simulator = Simulator::start(world(), options).expect("a simulator");
    simulator.edit(|world| world.org("acme").repo("web").issue(Issue::new("ada", time(NOW))));
    assert_eq!(numbers(&simulator, "repo:acme/web"), [1]);
    simulator.advance(Duration::from_secs(60));
    assert_eq!(numbers(&simulator, "repo:acme/web"), [2, 1]);
}

#[test]
fn a_thousand_results_can_be_reached() {
    let mut world = GithubWorld::new();
    let repo = world.org("acme").repo("api");
    for nth in 0..1_050 {
        repo.issue(Issue::new("ada", time(NOW) - SignedDuration::from_secs(nth)));
    }
    let simulator = start(world, NOW);
    let (mut after, mut found) = (Value::Null, 0);
    for _ in 0..20 {
        let answer = query(&simulator, SEARCH, &json!({"q": "org:acme", "after": after})).json();
        let page = &answer["data"]["search"];
        assert_eq!(page["issueCount"], 1_050);
        found += page["nodes"].as_array().map_or(0, Vec::len);
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(found, 1_000);
}
