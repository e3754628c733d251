//! Injected faults, as a client sees them.

use std::time::Duration;

use github_sim::{ApiFault, Commit, Endpoint, FaultKind, GithubWorld, RequestMatcher, Simulator};

use crate::client::{TOKEN, ask, get, start, time};

const NOW: &str = "2026-03-20T12:00:00Z";
const COMMITS: &str = "/repos/acme/api/commits";

fn simulator() -> Simulator {
    let mut world = GithubWorld::new();
    for name in ["api", "web"] {
        world.org("acme").repo(name).push(time(NOW), vec![Commit::new("ada", time(NOW))]);
    }
    start(world, NOW)
}

fn commits_fault(kind: FaultKind) -> ApiFault {
    ApiFault::new(RequestMatcher::Endpoint(Endpoint::Commits), kind)
}

#[test]
fn an_error_status_is_returned_as_often_as_requested() {
    let simulator = simulator();
    simulator
        .faults()
        .add(ApiFault::status(RequestMatcher::Path("/commits".to_owned()), 502, "Bad Gateway").times(2));
    let statuses = [(); 3].map(|()| get(&simulator, COMMITS).status);
    assert_eq!(statuses, [502, 502, 200]);
    assert_eq!(simulator.faults().trigger_counts(), [2]);
}

#[test]
fn faults_end_at_a_simulated_time_and_leave_other_requests_alone() {
    let simulator = simulator();
    let fault = ApiFault::status(RequestMatcher::Repo("acme/api".to_owned()), 503, "Down");
    simulator.faults().add(fault.until(time("2026-03-20T12:01:00Z")));
    assert_eq!(get(&simulator, "/repos/acme/web").status, 200);
    assert_eq!(get(&simulator, COMMITS).status, 503);
    simulator.advance(Duration::from_secs(60));
    assert_eq!(get(&simulator, COMMITS).status, 200);
}

#[test]
fn requests_by_id_trigger_the_same_faults() {
    let simulator = simulator();
    let id = get(&simulator, "/repos/acme/api").json()["id"].clone();
    simulator.faults().add(ApiFault::status(RequestMatcher::Path("/repos/acme/api".to_owned()), 500, "Oops"));
    assert_eq!(get(&simulator, &format!("/repositories/{id}/commits")).status, 500);
}

#[test]
fn connections_are_closed_before_and_within_the_response() {
    let simulator = simulator();
    simulator.faults().add(commits_fault(FaultKind::CutBeforeHeaders).times(1));
    simulator.faults().add(commits_fault(FaultKind::TruncatedBody).times(1));
    assert!(ask(&simulator, "GET", COMMITS, &[], "").is_none());
    let truncated = get(&simulator, COMMITS);
    assert_eq!((truncated.status, truncated.body()), (200, None));
    assert!(get(&simulator, COMMITS).body().is_some());
    let statuses: Vec<_> = simulator.requests().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [None, Some(200), Some(200)]);
}

#[test]
fn a_malformed_body_is_not_json() {
    let simulator = simulator();
    simulator.faults().add(commits_fault(FaultKind::MalformedBody));
    let answer = get(&simulator, COMMITS);
    let body = answer.body().expect("a complete body");
    assert!(answer.status == 200 && serde_json::from_slice::<serde_json::Value>(body).is_err());
}

#[test]
fn limits_can_be_pretended() {
    let simulator = simulator();
    simulator.faults().add(commits_fault(FaultKind::RateLimitedPrimary).times(1));
    simulator.faults().add(commits_fault(FaultKind::SecondaryLimit { retry_after: Some(7) }).times(1));
    let primary = get(&simulator, COMMITS);
    assert_eq!((primary.status, primary.header("x-ratelimit-remaining")), (403, Some("0")));
    assert!(
        primary.json()["message"].as_str().is_some_and(|text| text.starts_with("API rate limit exceeded"))
    );
    let secondary = get(&simulator, COMMITS);
    assert_eq!((secondary.status, secondary.header("retry-after")), (403, Some("7")));
    assert!(secondary.json()["message"].as_str().is_some_and(|text| text.contains("secondary rate limit")));
    assert_eq!(simulator.points_used("core"), 0);
}

#[test]
fn delayed_responses_are_correct_and_hung_ones_never_arrive() {
    let simulator = simulator();
    simulator.faults().add(commits_fault(FaultKind::Delay { millis: 50 }).times(1));
    assert_eq!(get(&simulator, COMMITS).status, 200);
    simulator.faults().add(commits_fault(FaultKind::Hang).times(1));
    let address = simulator.url().trim_start_matches("http://");
    let mut stream = std::net::TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout");
    let request =
        format!("GET {COMMITS} HTTP/1.1\r\nhost: x\r\nauthorization: token {TOKEN}\r\nuser-agent: t\r\n\r\n");
    std::io::Write::write_all(&mut stream, request.as_bytes()).expect("a request sent");
    let answer = std::io::Read::read(&mut stream, &mut [0; 1]);
    assert!(answer.is_err(), "{answer:?}");
}

#[test]
fn random_faults_are_the_same_for_the_same_seed() {
    let struck = |seed| {
        let simulator = simulator();
        simulator.faults().add(ApiFault::status(RequestMatcher::Always, 500, "Oops").probability(0.5, seed));
        (0..40).map(|_| get(&simulator, "/meta").status).collect::<Vec<_>>()
    };
    let (first, again, other) = (struck(1), struck(1), struck(2));
    assert!(first == again && first != other);
    assert!((10..30).contains(&first.iter().filter(|status| **status == 500).count()));
}

#[test]
fn faults_can_be_added_over_http() {
    let simulator = simulator();
    let fault =
        r#"{"matcher": {"org": "acme"}, "kind": {"status": {"code": 500, "message": "Oops"}}, "times": 1}"#;
    let post =
        |target: &str, body: &str| ask(&simulator, "POST", target, &[], body).expect("an answer").status;
    assert_eq!(post("/_sim/fault", fault), 200);
    assert_eq!((get(&simulator, COMMITS).status, get(&simulator, COMMITS).status), (500, 200));
    assert_eq!(post("/_sim/fault", r#"{"kind": "hang"}"#), 400);
    assert_eq!(post("/_sim/advance?seconds=60", ""), 200);
    assert_eq!(get(&simulator, "/_sim/now").json()["now"], "2026-03-20T12:01:00Z");
    assert_eq!(get(&simulator, "/_sim/requests").json()["requests"].as_array().map(Vec::len), Some(2));
    assert_eq!(get(&simulator, "/_sim/truth/facts").json()[0]["kind"], "commit");
    assert_eq!(get(&simulator, "/_sim/truth/gauges").json().as_array().map(Vec::len), Some(16));
    assert_eq!(ask(&simulator, "DELETE", "/_sim/faults", &[], "").map(|answer| answer.status), Some(200));
}
