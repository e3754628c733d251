//! Large worlds and the cost of collecting them.

use std::collections::BTreeMap;
use std::time::Duration;

use github_sim::{
    EarlierActivity, ExpectedFactKind, GroundTruth, LargeWorld, Options, Simulator, Token,
    generate_large_world,
};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::client::{TOKEN, query, start, time};

const NOW: &str = "2026-03-20T12:00:00Z";

const CHANGED: &str = "query Changed($after: String) {
  organization(login: \"acme\") {
    repositories(first: 100, after: $after, orderBy: {field: PUSHED_AT, direction: DESC}) {
      pageInfo { hasNextPage endCursor }
      nodes { id pushedAt }
    }
  }
  rateLimit { cost }
}";

#[test]
fn a_constant_share_of_repositories_changes() {
    let now = time(NOW);
    let truth = GroundTruth::of(generate_large_world(&LargeWorld::default(), now));
    let count = |from: i64, to: i64| {
        let mut kinds: BTreeMap<ExpectedFactKind, usize> = BTreeMap::new();
        let (from, to) = (now + SignedDuration::from_mins(from), now + SignedDuration::from_mins(to));
        let facts = truth.facts(to);
        for fact in facts.iter().filter(|fact| fact.at > from) {
            *kinds.entry(fact.kind).or_default() += 1;
        }
        let of = |kind| kinds.get(&kind).copied().unwrap_or(0);
        (
            of(ExpectedFactKind::Commit),
            of(ExpectedFactKind::PrOpened),
            of(ExpectedFactKind::PrMerged),
            of(ExpectedFactKind::Review),
        )
    };
    // 20 of 1,000 in five minutes: 60 commits, 30 pull requests.
    assert_eq!(count(0, 5), (60, 30, 10, 30));
    assert_eq!(count(-60, 0), (12 * 60, 12 * 30, 12 * 10, 12 * 30));
    let (a, b) = (
        generate_large_world(&LargeWorld::default(), now),
        generate_large_world(&LargeWorld::default(), now),
    );
    assert_eq!(GroundTruth::of(a).facts(now), GroundTruth::of(b).facts(now));
}

/// 100 pages, one after the other. A quadratic listing would take much longer.
#[test]
fn ten_thousand_repositories_are_listed_quickly() {
    let world = generate_large_world(&LargeWorld { repos: 10_000, ..LargeWorld::default() }, time(NOW));
    let options = Options { tokens: vec![Token::new(TOKEN)], ..Options::default() };
    let options = options.starting_at(time(NOW)).frozen().without_secondary_limits();
    let simulator = Simulator::start(world, options).expect("a simulator");
    let (mut after, mut seen) = (Value::Null, Vec::new());
    loop {
        let answer = query(&simulator, CHANGED, &json!({"after": after})).json();
        let page = &answer["data"]["organization"]["repositories"];
        seen.extend(page["nodes"].as_array().expect("nodes").iter().cloned());
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert!(seen.is_sorted_by(|a, b| a["pushedAt"].as_str() >= b["pushedAt"].as_str()));
    let mut ids: Vec<&str> = seen.iter().filter_map(|repo| repo["id"].as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((seen.len(), ids.len()), (10_000, 10_000));
    assert_eq!((simulator.requests().len(), simulator.points_used("graphql")), (100, 100));
}

#[test]
fn changed_repositories_are_listed_first() {
    let simulator = start(generate_large_world(&LargeWorld::default(), time(NOW)), NOW);
    simulator.advance(Duration::from_secs(300));
    let answer = query(&simulator, CHANGED, &json!({})).json();
    let nodes = answer["data"]["organization"]["repositories"]["nodes"].as_array().expect("nodes");
    let pushed = nodes.iter().filter(|repo| repo["pushedAt"].as_str().is_some_and(|at| at > NOW));
    assert_eq!((pushed.count(), &answer["data"]["rateLimit"]["cost"]), (20, &json!(1)));
}

/// What changed among 10,000, as a collector asks for it every five minutes.
#[test]
fn changes_among_ten_thousand_are_found_quickly() {
    let simulator =
        start(generate_large_world(&LargeWorld { repos: 10_000, ..LargeWorld::default() }, time(NOW)), NOW);
    simulator.advance(Duration::from_secs(300));
    let text = "query Found($after: String) { search(type: ISSUE, first: 50, after: $after, query: \"org:acme updated:>=2026-03-20T12:00:00Z sort:updated-asc\") {
        issueCount pageInfo { hasNextPage endCursor }
        nodes { ... on PullRequest { id reviews(first: 50) { nodes { id } } comments(first: 50) { nodes { id } } }
                ... on Issue { id comments(first: 50) { nodes { id } } } } } }";
    let (mut after, mut found) = (Value::Null, 0);
    loop {
        let answer = query(&simulator, text, &json!({"after": after})).json();
        let page = answer["data"]["search"].clone();
        found += page["nodes"].as_array().map_or(0, Vec::len);
        if page["pageInfo"]["hasNextPage"] == false {
            // 300 pull requests and 200 issues.
            assert_eq!((found, &page["issueCount"]), (500, &json!(500)));
            return;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}

#[test]
fn earlier_activity_is_denser_and_unevenly_distributed() {
    let now = time(NOW);
    let history = EarlierActivity { span: SignedDuration::from_hours(7 * 24), pushes: 500 };
    let made = LargeWorld { repos: 100, changed_share: 0.0, history: Some(history), ..LargeWorld::default() };
    let facts = GroundTruth::of(generate_large_world(&made, now)).facts(now);
    let week: Vec<_> =
        facts.iter().filter(|fact| fact.at > now - SignedDuration::from_hours(7 * 24)).collect();
    assert!((3_000..6_000).contains(&week.len()), "{}", week.len());
    let kinds: std::collections::BTreeSet<ExpectedFactKind> = week.iter().map(|fact| fact.kind).collect();
    assert_eq!(kinds.len(), 5);
    let mut by_repo: BTreeMap<&str, usize> = BTreeMap::new();
    week.iter().for_each(|fact| *by_repo.entry(fact.repo_id.as_str()).or_default() += 1);
    assert!(*by_repo.values().max().expect("facts") > week.len() / 10, "one repository has a tenth of it");
}
