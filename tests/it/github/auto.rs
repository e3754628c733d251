//! `github.api: auto` on servers with and without GraphQL.

use github_sim::{Commit, Endpoint, GithubWorld, Options};
use github_stats::config::{GithubApi, HttpUrl};
use github_stats_actors::scheduler::CycleResult;
use jiff::SignedDuration;

use super::fixture::{INTERVAL, ORG, ScraperFixture, config, options, simulator};

fn world(now: jiff::Timestamp) -> GithubWorld {
    let mut world = GithubWorld::new();
    let at = now - SignedDuration::from_hours(3);
    world.org(ORG).create_repo("api", at).push(at, vec![Commit::new("ada", at).lines(3, 1)]);
    world
}

fn fixture(api: GithubApi, graphql: bool, prefix: &str) -> ScraperFixture {
    let simulator = simulator(Options { graphql, ..options(100_000) }, world);
    let mut config = config(&simulator, api);
    config.github.api_base_url = HttpUrl::parse(&format!("{}{prefix}", simulator.url())).expect("a URL");
    ScraperFixture::new(simulator, &config)
}

fn asked_over_graphql(fixture: &ScraperFixture) -> usize {
    let posted = |path: &str| path.ends_with("/graphql");
    fixture.sim.requests().iter().filter(|request| posted(&request.path)).count()
}

#[actix::test]
async fn a_server_without_graphql_is_collected_over_rest_after_a_single_request() {
    for prefix in ["", "/api/v3"] {
        let fixture = fixture(GithubApi::Auto, false, prefix);
        for _ in 0..3 {
            fixture.successful_cycle().await;
            fixture.assert_matches_ground_truth("over REST").await;
            fixture.advance(INTERVAL);
        }
        assert_eq!(asked_over_graphql(&fixture), 1, "it is detected once");
    }
}

#[actix::test]
async fn a_server_with_graphql_is_collected_over_it() {
    let fixture = fixture(GithubApi::Auto, true, "");
    fixture.successful_cycle().await;
    fixture.assert_matches_ground_truth("over GraphQL").await;
    assert!(fixture.sim.requests().iter().all(|request| request.endpoint == Some(Endpoint::Graphql)));
}

#[actix::test]
async fn a_configured_graphql_api_that_does_not_exist_is_reported() {
    let fixture = fixture(GithubApi::Graphql, false, "/api/v3");
    let report = fixture.cycle().await;
    assert_eq!(report.result, CycleResult::Failure);
    let error = report.error.expect("a reason");
    assert!(error.contains("no GraphQL API") && error.contains("github.api"), "{error}");
    assert_eq!(asked_over_graphql(&fixture), 1, "a retry would not help");
}
