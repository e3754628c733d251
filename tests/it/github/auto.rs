//! `github.api: auto` on servers with and without GraphQL.

use github_sim::{Commit, Endpoint, Options, World};
use github_stats::config::{GithubApi, HttpUrl};
use github_stats_actors::scheduler::CycleResult;
use jiff::SignedDuration;

use super::stage::{INTERVAL, ORG, Stage, config, options, simulator};

fn world(now: jiff::Timestamp) -> World {
    let mut world = World::new();
    let at = now - SignedDuration::from_hours(3);
    world.org(ORG).create_repo("api", at).push(at, vec![Commit::new("ada", at).lines(3, 1)]);
    world
}

fn stage(api: GithubApi, graphql: bool, prefix: &str) -> Stage {
    let simulator = simulator(Options { graphql, ..options(100_000) }, world);
    let mut config = config(&simulator, api);
    config.github.api_base_url = HttpUrl::parse(&format!("{}{prefix}", simulator.url())).expect("a URL");
    Stage::new(simulator, &config)
}

fn asked_over_graphql(stage: &Stage) -> usize {
    let posted = |path: &str| path.ends_with("/graphql");
    stage.sim.requests().iter().filter(|request| posted(&request.path)).count()
}

#[actix::test]
async fn a_server_without_graphql_is_collected_over_rest_after_a_single_question() {
    for prefix in ["", "/api/v3"] {
        let stage = stage(GithubApi::Auto, false, prefix);
        for _ in 0..3 {
            stage.good_cycle().await;
            stage.assert_true("over REST").await;
            stage.advance(INTERVAL);
        }
        assert_eq!(asked_over_graphql(&stage), 1, "it is found out once");
    }
}

#[actix::test]
async fn a_server_with_graphql_is_collected_over_it() {
    let stage = stage(GithubApi::Auto, true, "");
    stage.good_cycle().await;
    stage.assert_true("over GraphQL").await;
    assert!(stage.sim.requests().iter().all(|request| request.endpoint == Some(Endpoint::Graphql)));
}

#[actix::test]
async fn whoever_insists_on_graphql_is_told_that_there_is_none() {
    let stage = stage(GithubApi::Graphql, false, "/api/v3");
    let report = stage.cycle().await;
    assert_eq!(report.result, CycleResult::Failure);
    let error = report.error.expect("a reason");
    assert!(error.contains("no GraphQL API") && error.contains("github.api"), "{error}");
    assert_eq!(asked_over_graphql(&stage), 1, "asking again does not help");
}
