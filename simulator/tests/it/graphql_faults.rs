//! Injected faults in GraphQL.

use github_sim::{ApiFault, Commit, FaultKind, GithubWorld, RequestMatcher, Simulator};
use serde_json::{Value, json};

use crate::client::{query, start, time};

const NOW: &str = "2026-03-20T12:00:00Z";

const BATCH: &str = "query Batch($ids: [ID!]!) { nodes(ids: $ids) { ... on Repository { name issues(first: 10) { totalCount } } } }";

fn simulator() -> (Simulator, Vec<String>) {
    let mut world = GithubWorld::new();
    let ids = (0..8).map(|nth| {
        let repo = world.org("acme").repo(&format!("repo-{nth}"));
        repo.push(time(NOW), vec![Commit::new("ada", time(NOW))]);
        repo.node_id()
    });
    let ids = ids.collect();
    (start(world, NOW), ids)
}

fn add(simulator: &Simulator, matcher: RequestMatcher, kind: FaultKind) {
    simulator.faults().clear();
    simulator.faults().add(ApiFault::new(matcher, kind));
}

#[test]
fn large_batches_time_out() {
    let (simulator, ids) = simulator();
    add(&simulator, RequestMatcher::Always, FaultKind::TimeoutAbove { nodes: 44, code: 502 });
    let slow = query(&simulator, BATCH, &json!({"ids": ids}));
    assert_eq!((slow.status, &slow.json()["data"]), (502, &Value::Null));
    assert_eq!(slow.header("x-ratelimit-used"), Some("1"));
    assert_eq!(query(&simulator, BATCH, &json!({"ids": ids[..4]})).status, 200);
    assert_eq!(simulator.faults().trigger_counts(), [1]);
}

#[test]
fn queries_beyond_the_resource_limits_fail() {
    let (simulator, ids) = simulator();
    add(
        &simulator,
        RequestMatcher::Operation("Batch".to_owned()),
        FaultKind::ResourceLimitsAbove { nodes: 44 },
    );
    let answer = query(&simulator, BATCH, &json!({"ids": ids}));
    assert_eq!(
        (answer.status, &answer.json()["errors"][0]["type"]),
        (200, &json!("RESOURCE_LIMITS_EXCEEDED"))
    );
    assert!(query(&simulator, BATCH, &json!({"ids": ids[..4]})).json().get("errors").is_none());
}

#[test]
fn responses_can_be_partial() {
    let (simulator, ids) = simulator();
    add(&simulator, RequestMatcher::Body(ids[0].clone()), FaultKind::PartialData { every: 3 });
    let answer = query(&simulator, BATCH, &json!({"ids": ids})).json();
    let missing: Vec<_> =
        answer["data"]["nodes"].as_array().expect("nodes").iter().map(Value::is_null).collect();
    assert_eq!(missing, [false, false, true, false, false, true, false, false]);
    let paths: Vec<_> =
        answer["errors"].as_array().expect("errors").iter().map(|error| error["path"].clone()).collect();
    assert_eq!(paths, [json!(["nodes", 2]), json!(["nodes", 5])]);
    assert!(query(&simulator, BATCH, &json!({"ids": ids[1..]})).json().get("errors").is_none());
}

#[test]
fn limits_can_be_pretended() {
    let (simulator, ids) = simulator();
    let ask = || query(&simulator, BATCH, &json!({"ids": ids}));
    add(&simulator, RequestMatcher::Always, FaultKind::RateLimitedPrimary);
    let primary = ask();
    assert_eq!((primary.status, primary.header("x-ratelimit-remaining")), (200, Some("0")));
    assert_eq!(primary.json()["errors"][0]["type"], "RATE_LIMITED");
    add(&simulator, RequestMatcher::Always, FaultKind::SecondaryLimit { retry_after: Some(7) });
    let secondary = ask();
    assert_eq!((secondary.status, secondary.header("retry-after")), (403, Some("7")));
    let (name, message) = ("RATE_LIMIT".to_owned(), "API rate limit already exceeded".to_owned());
    add(&simulator, RequestMatcher::Always, FaultKind::GraphqlError { name, message });
    assert_eq!(ask().json()["errors"][0]["type"], "RATE_LIMIT");
    assert_eq!(simulator.points_used("graphql"), 0);
}

#[test]
fn organisations_are_matched_in_queries_and_variables() {
    let (simulator, _) = simulator();
    simulator.faults().add(ApiFault::status(RequestMatcher::Org("acme".to_owned()), 502, "Bad Gateway"));
    let of = |login: &str| {
        let text = "query Of($login: String!) { organization(login: $login) { id } }";
        query(&simulator, text, &json!({"login": login})).status
    };
    assert_eq!((of("ACME"), of("acme-labs")), (502, 200));
    let q = json!({"q": "org:acme updated:>=2026-03-20"});
    let text = "query Search($q: String!) { search(type: ISSUE, first: 1, query: $q) { issueCount } }";
    assert_eq!(query(&simulator, text, &q).status, 502);
}
