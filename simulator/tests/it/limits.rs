//! Tokens, permissions, limits and conditional requests.

use std::time::Duration;

use github_sim::{Commit, GithubWorld, Options, Permission, Simulator, Token};

use crate::client::{ClientResponse, TOKEN, ask, get, start, time};

const NOW: &str = "2026-03-20T12:00:00Z";

fn world() -> GithubWorld {
    let mut world = GithubWorld::new();
    for name in ["api", "web"] {
        world.org("acme").repo(name).push(time(NOW), vec![Commit::new("ada", time(NOW))]);
    }
    world.org("acme").repo("secret").private();
    world.org("other").repo("thing");
    world
}

fn with(options: Options) -> Simulator {
    Simulator::start(world(), options.starting_at(time(NOW)).frozen()).expect("a simulator")
}

fn as_token(simulator: &Simulator, secret: &str, target: &str) -> ClientResponse {
    let authorization = format!("token {secret}");
    ask(simulator, "GET", target, &[("authorization", &authorization)], "").expect("an answer")
}

#[test]
fn each_request_costs_a_point_and_headers_say_so() {
    let simulator = start(world(), NOW);
    let first = get(&simulator, "/orgs/acme");
    for (name, value) in [("limit", "5000"), ("used", "1"), ("remaining", "4999"), ("resource", "core")] {
        assert_eq!(first.header(&format!("x-ratelimit-{name}")), Some(value));
    }
    let reset = first.header("x-ratelimit-reset").and_then(|text| text.parse::<i64>().ok());
    assert_eq!(reset, Some(time(NOW).as_second() + 3_600));
    assert!(first.header("x-github-request-id").is_some());
    get(&simulator, "/nonsense");
    assert_eq!(get(&simulator, "/rate_limit").json()["resources"]["core"]["used"], 2);
    assert_eq!(simulator.points_used("core"), 2);
    simulator.advance(Duration::from_secs(3_601));
    assert_eq!(get(&simulator, "/orgs/acme").header("x-ratelimit-used"), Some("1"));
}

#[test]
fn an_unchanged_answer_is_free_and_belongs_to_one_token() {
    let options = Options { tokens: vec![Token::new(TOKEN), Token::new("b")], ..Options::default() };
    let simulator = with(options);
    let tag =
        as_token(&simulator, TOKEN, "/orgs/acme/repos").header("etag").map(str::to_owned).expect("a tag");
    let again = |secret: &str| {
        let authorization = format!("Bearer {secret}");
        let headers = [("authorization", authorization.as_str()), ("if-none-match", tag.as_str())];
        ask(&simulator, "GET", "/orgs/acme/repos", &headers, "").expect("an answer")
    };
    let unchanged = again(TOKEN);
    assert_eq!((unchanged.status, unchanged.header("x-ratelimit-used")), (304, Some("1")));
    assert_eq!(again("b").status, 200);
    simulator.edit(|world| world.org("acme").repo("new").id());
    assert_eq!(again(TOKEN).status, 200);
    let costs: Vec<_> = simulator.requests().iter().map(|request| request.cost).collect();
    assert_eq!(costs, [1, 0, 1, 1]);
}

#[test]
fn the_primary_limit_refuses_until_the_reset() {
    let options = Options { tokens: vec![Token::new("small").hourly_limit(2)], ..Options::default() };
    let simulator = with(options);
    let statuses = [(); 3].map(|()| as_token(&simulator, "small", "/meta").status);
    assert_eq!(statuses, [200, 200, 403]);
    let refused = as_token(&simulator, "small", "/meta");
    assert_eq!(refused.header("x-ratelimit-remaining"), Some("0"));
    assert!(refused.json()["message"].as_str().is_some_and(|text| text.contains("API rate limit exceeded")));
    assert_eq!(as_token(&simulator, "small", "/rate_limit").status, 200);
    simulator.advance(Duration::from_secs(3_600));
    assert_eq!(as_token(&simulator, "small", "/meta").status, 200);
}

#[test]
fn requests_per_minute_are_limited() {
    let simulator = with(Options { points_per_minute: Some(2), ..Options::with_token(TOKEN) });
    let statuses = [(); 3].map(|()| get(&simulator, "/meta").status);
    assert_eq!(statuses, [200, 200, 403]);
    assert_eq!(get(&simulator, "/meta").header("retry-after"), Some("60"));
    simulator.advance(Duration::from_secs(60));
    assert_eq!(get(&simulator, "/meta").status, 200);
}

#[test]
fn too_many_concurrent_requests_are_refused() {
    let simulator = with(Options { max_concurrency: Some(2), ..Options::with_token(TOKEN) });
    let slow = github_sim::FaultKind::Delay { millis: 300 };
    simulator.faults().add(github_sim::ApiFault::new(github_sim::RequestMatcher::Always, slow));
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..4).map(|_| scope.spawn(|| get(&simulator, "/meta").status)).collect();
        asked.into_iter().map(|one| one.join().expect("an answer")).collect()
    });
    assert!(statuses.contains(&403) && statuses.contains(&200), "{statuses:?}");
    assert_eq!(simulator.max_concurrency(), 4);
}

#[test]
fn anonymous_clients_have_60_points_and_no_access_to_private_repositories() {
    let simulator = start(world(), NOW);
    let anonymous = |target: &str| ask(&simulator, "GET", target, &[], "").expect("an answer");
    assert_eq!(anonymous("/orgs/acme/repos").json().as_array().map(Vec::len), Some(2));
    assert_eq!(anonymous("/repos/acme/secret").status, 404);
    assert_eq!(anonymous("/meta").header("x-ratelimit-limit"), Some("60"));
    let unknown = as_token(&simulator, "nonsense", "/meta");
    assert_eq!((unknown.status, unknown.json()["message"].as_str()), (401, Some("Bad credentials")));
    assert_eq!(unknown.json()["status"], "401");
}

#[test]
fn restricted_tokens_have_restricted_access() {
    let granted = Token::new("granted").only_repositories(&["acme/api"]).without(Permission::Issues);
    let options =
        Options { tokens: vec![granted, Token::new("acme").only_owners(&["acme"])], ..Options::default() };
    let simulator = with(options);
    assert_eq!(as_token(&simulator, "granted", "/orgs/acme/repos").json().as_array().map(Vec::len), Some(1));
    assert_eq!(as_token(&simulator, "granted", "/repos/acme/web").status, 404);
    let forbidden = as_token(&simulator, "granted", "/repos/acme/api/issues");
    let message = "Resource not accessible by personal access token";
    assert_eq!((forbidden.status, forbidden.json()["message"].as_str()), (403, Some(message)));
    assert_eq!(as_token(&simulator, "acme", "/repos/other/thing").status, 404);
    assert_eq!(as_token(&simulator, "acme", "/repos/acme/secret").status, 200);
}

#[test]
fn the_log_records_requests() {
    let simulator = start(world(), NOW);
    get(&simulator, "/repos/acme/api/commits?per_page=1");
    let requests = simulator.requests();
    let request = requests.first().expect("a request");
    assert_eq!(request.target, "/repos/acme/api/commits?per_page=1");
    assert_eq!((request.status, request.cost, request.resource), (Some(200), 1, "core"));
    assert_eq!(request.token, Token::fingerprint(TOKEN));
    assert_eq!((request.at, request.endpoint), (time(NOW), Some(github_sim::Endpoint::Commits)));
    simulator.reset_log();
    assert!(simulator.requests().is_empty() && simulator.points_used("core") == 0);
}

#[test]
fn a_dropped_simulator_stops_even_inside_a_runtime() {
    fn goes_anywhere<T: Send + Sync>(_: &T) {}
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let simulator = start(world(), NOW);
        goes_anywhere(&simulator);
        let address = simulator.url().trim_start_matches("http://").to_owned();
        drop(simulator);
        for _ in 0..100 {
            if tokio::net::TcpStream::connect(&address).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("still listening");
    });
}
