//! The cost and the limits of GraphQL queries.

use std::time::Duration;

use github_sim::{Commit, Endpoint, GithubWorld, Options, Permission, Simulator, Token};
use serde_json::{Value, json};

use crate::client::{TOKEN, ask, get, query, start, time};

const NOW: &str = "2026-03-20T12:00:00Z";

fn world() -> GithubWorld {
    let mut world = GithubWorld::new();
    for name in ["api", "web"] {
        world.org("acme").repo(name).push(time(NOW), vec![Commit::new("ada", time(NOW))]);
    }
    world
}

fn with(options: Options) -> Simulator {
    Simulator::start(world(), options.starting_at(time(NOW)).frozen()).expect("a simulator")
}

/// Type and message of the only error.
fn error(answer: &Value) -> (Option<&str>, &str) {
    let errors = answer["errors"].as_array().expect("errors");
    assert_eq!(errors.len(), 1, "{errors:#?}");
    (errors[0]["type"].as_str(), errors[0]["message"].as_str().unwrap_or_default())
}

#[test]
fn a_query_costs_as_much_as_full_pages() {
    let simulator = start(world(), NOW);
    // The example in GitHub's documentation: 1 + 100 + 100 * 50 requests.
    let text = "query Price { rateLimit { cost nodeCount used remaining limit resetAt } viewer { repositories(first: 100) { nodes {
        pullRequests(first: 50) { nodes { comments(first: 60) { nodes { id } } } } } } } }";
    let answer = query(&simulator, text, &json!({}));
    let limit = json!({
        "cost": 51, "nodeCount": 100 + 100 * 50 + 100 * 50 * 60, "used": 51, "remaining": 4_949,
        "limit": 5_000, "resetAt": "2026-03-20T13:00:00Z",
    });
    assert_eq!(answer.json()["data"]["rateLimit"], limit);
    assert_eq!(
        (answer.header("x-ratelimit-resource"), answer.header("x-ratelimit-used")),
        (Some("graphql"), Some("51"))
    );
    query(&simulator, "{ viewer { login } rateLimit { cost } }", &json!({}));
    let free = get(&simulator, "/rate_limit").json();
    assert_eq!(
        (&free["resources"]["graphql"]["used"], &free["resources"]["core"]["used"]),
        (&json!(52), &json!(0))
    );
    assert_eq!((simulator.points_used("graphql"), simulator.points_used("core")), (52, 0));
    let log = simulator.requests();
    let of =
        |nth: usize| (log[nth].operation.as_deref(), log[nth].cost, log[nth].resource, log[nth].endpoint);
    assert_eq!(of(0), (Some("Price"), 51, "graphql", Some(Endpoint::Graphql)));
    assert_eq!(of(1), (Some("viewer"), 1, "graphql", Some(Endpoint::Graphql)));
}

#[test]
fn batches_cost_as_much_as_their_size() {
    let simulator = start(world(), NOW);
    let text =
        "query Batch($ids: [ID!]!) { rateLimit { cost nodeCount } nodes(ids: $ids) { ... on Repository {
        defaultBranchRef { target { ... on Commit { history(first: 100) { nodes { oid } } } } } } } }";
    let ids = vec!["unknown"; 100];
    let answer = query(&simulator, text, &json!({"ids": ids})).json();
    assert_eq!(answer["data"]["rateLimit"], json!({"cost": 1, "nodeCount": 100 + 100 * 100}));
    let answer = query(&simulator, text, &json!({"ids": vec!["unknown"; 101]})).json();
    assert_eq!((error(&answer).0, &answer["data"]), (Some("ARGUMENT_LIMIT"), &Value::Null));
}

#[test]
fn page_sizes_are_bounded() {
    let simulator = start(world(), NOW);
    let of = |arguments: &str| {
        let text =
            format!("{{ organization(login: \"acme\") {{ repositories{arguments} {{ totalCount }} }} }}");
        query(&simulator, &text, &json!({})).json()
    };
    let large = of("(first: 101)");
    let message =
        "Requesting 101 records on the `repositories` connection exceeds the `first` limit of 100 records.";
    assert_eq!(error(&large), (Some("EXCESSIVE_PAGINATION"), message));
    assert_eq!(large["data"]["organization"], Value::Null);
    assert_eq!(error(&of("")).0, Some("MISSING_PAGINATION_BOUNDARIES"));
    assert_eq!(error(&of("(first: 1, after: \"nonsense\")")).0, Some("INVALID_CURSOR_ARGUMENTS"));
    let text = "{ viewer { repositories(first: 100) { nodes { pullRequests(first: 100) { nodes { reviews(first: 100) { totalCount } } } } } } }";
    let message =
        "This query requests up to 1,010,100 possible nodes which exceeds the maximum limit of 500,000.";
    assert_eq!(
        error(&query(&simulator, text, &json!({})).json()),
        (Some("MAX_NODE_LIMIT_EXCEEDED"), message)
    );
}

#[test]
fn an_exhausted_limit_is_not_an_http_error() {
    let simulator = with(Options { tokens: vec![Token::new(TOKEN).graphql_limit(2)], ..Options::default() });
    let ask = || query(&simulator, "{ viewer { login } }", &json!({}));
    assert!((0..2).all(|_| ask().json()["data"].is_object()));
    let refused = ask();
    assert_eq!((refused.status, refused.header("x-ratelimit-remaining")), (200, Some("0")));
    assert_eq!(error(&refused.json()).0, Some("RATE_LIMITED"));
    assert_eq!(get(&simulator, "/meta").header("x-ratelimit-remaining"), Some("4999"));
    simulator.advance(Duration::from_secs(3_600));
    assert!(ask().json()["data"].is_object());
}

#[test]
fn the_limit_per_minute_counts_requests() {
    let options = Options {
        graphql_points_per_minute: Some(2),
        points_per_minute: Some(1),
        ..Options::with_token(TOKEN)
    };
    let simulator = with(options);
    let text = "{ viewer { repositories(first: 100) { nodes { issues(first: 100) { nodes { comments(first: 10) { totalCount } } } } } } }";
    let statuses = [(); 3].map(|()| query(&simulator, text, &json!({})).status);
    assert_eq!((statuses, get(&simulator, "/meta").status), ([200, 200, 403], 200));
}

#[test]
fn graphql_requires_a_known_token() {
    let simulator = start(world(), NOW);
    let body = json!({"query": "{ viewer { login } }"}).to_string();
    let asked =
        |headers: &[(&str, &str)]| ask(&simulator, "POST", "/graphql", headers, &body).expect("an answer");
    assert_eq!(asked(&[]).status, 401);
    let wrong = asked(&[("authorization", "Bearer nonsense")]);
    assert_eq!((wrong.status, &wrong.json()["message"]), (401, &json!("Bad credentials")));
    assert_eq!(get(&simulator, "/graphql").status, 404);
    let authorization = format!("Bearer {TOKEN}");
    let broken = ask(&simulator, "POST", "/graphql", &[("authorization", &authorization)], "{");
    assert_eq!(broken.map(|answer| answer.status), Some(400));
}

#[test]
fn tokens_have_access_to_what_they_were_granted() {
    let token = Token::new(TOKEN).only_repositories(&["acme/api"]).without(Permission::PullRequests);
    let simulator = with(Options { tokens: vec![token], ..Options::default() });
    let text = "query Seen($id: ID!) { node(id: $id) { id } organization(login: \"acme\") { repositories(first: 9) { totalCount } }
        repository(owner: \"acme\", name: \"api\") { pullRequest(number: 1) { id } } }";
    let hidden = simulator.edit(|world| world.org("acme").repo("web").node_id());
    let answer = query(&simulator, text, &json!({"id": hidden})).json();
    assert_eq!(
        (&answer["data"]["node"], &answer["data"]["organization"]["repositories"]["totalCount"]),
        (&Value::Null, &json!(1))
    );
    let kinds: Vec<_> =
        answer["errors"].as_array().expect("errors").iter().map(|error| error["type"].clone()).collect();
    assert_eq!(kinds, ["NOT_FOUND", "FORBIDDEN"]);
}
