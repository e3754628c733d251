//! What collecting costs, by the simulator's own account.

use std::time::Duration;

use github_sim::{History, Scale, scale};
use github_stats::config::GithubApi;
use jiff::SignedDuration;

use super::stage::{INTERVAL, ORG, Stage, config, options, simulator};

fn organisation(repos: usize, changed_share: f64, hours: i64) -> Stage {
    let made = Scale {
        org: ORG.to_owned(),
        repos,
        changed_share,
        future: SignedDuration::from_hours(hours),
        ..Scale::default()
    };
    let simulator = simulator(options(1_000_000), |now| scale(&made, now));
    let config = config(&simulator, GithubApi::Graphql);
    Stage::new(simulator, &config)
}

async fn hour(stage: &Stage) -> u64 {
    stage.sim.reset_log();
    for _ in 0..12 {
        stage.advance(INTERVAL);
        stage.good_cycle().await;
    }
    stage.points()
}

fn by_query(stage: &Stage) -> std::collections::BTreeMap<String, u32> {
    let mut costs = std::collections::BTreeMap::new();
    for request in stage.sim.requests() {
        *costs.entry(request.operation.unwrap_or(request.path)).or_default() += request.cost;
    }
    costs
}

#[actix::test]
async fn an_idle_organisation_costs_a_point_a_cycle_and_its_listing_an_hour() {
    let stage = organisation(300, 0.0, 3);
    stage.good_cycle().await;
    for nth in 1..=3 {
        let points = hour(&stage).await;
        println!("idle, 300 repositories, hour {nth}: {points} points {:?}", by_query(&stage));
        assert!(points <= 20 + 3, "{points} points: {:?}", by_query(&stage));
    }
    stage.assert_true("after three hours").await;
}

#[actix::test]
async fn two_percent_changing_cost_what_changed_and_nothing_is_missed() {
    let stage = organisation(200, 0.02, 4);
    stage.good_cycle().await;
    println!("first scrape of 200 repositories: {} points {:?}", stage.points(), by_query(&stage));
    for nth in 1..=3 {
        let points = hour(&stage).await;
        println!("200 repositories, hour {nth}: {points} points {:?}", by_query(&stage));
        stage.assert_true(&format!("after {nth} hours")).await;
        assert!(points <= 80, "{points} points: {:?}", by_query(&stage));
    }
}

/// So many repositories with a week behind them.
fn week(repos: usize, pushes: usize) -> Scale {
    let history = Some(History { span: SignedDuration::from_hours(7 * 24), pushes });
    Scale { org: ORG.to_owned(), repos, users: 200, changed_share: 0.0, history, ..Scale::default() }
}

async fn first_scrape(api: GithubApi, made: &Scale) -> Stage {
    let simulator = simulator(options(1_000_000), |now| scale(made, now));
    let config = config(&simulator, api);
    let stage = Stage::new(simulator, &config);
    let started = tokio::time::Instant::now();
    stage.good_cycle().await;
    let (took, facts, points) = (started.elapsed(), stage.truth().len(), stage.points());
    println!(
        "{api:?}, {} repositories, {facts} facts of a week: first scrape {points} points in {took:?} {:?}",
        made.repos,
        by_query(&stage)
    );
    stage.assert_true("after the first scrape").await;
    stage
}

#[actix::test]
async fn a_week_of_history_is_collected_at_the_price_of_what_there_is() {
    let stage = first_scrape(GithubApi::Graphql, &week(50, 130)).await;
    assert!(stage.truth().len() > 700);
    assert!(stage.points() <= 60, "{:?}", by_query(&stage));
}

/// A thousand repositories with some 20,000 facts; a minute long in a debug build.
#[actix::test]
#[ignore = "measures; run with --ignored --nocapture"]
async fn measured_with_a_week_of_history() {
    let stage = first_scrape(GithubApi::Graphql, &week(1_000, 2_600)).await;
    assert!((15_000..30_000).contains(&stage.truth().len()));
    assert!(stage.points() <= 1_000, "{:?}", by_query(&stage));
}

/// The sizes of the promise; minutes long in a debug build.
#[actix::test]
#[ignore = "measures; run with --ignored --nocapture"]
async fn measured_at_full_size() {
    for (repos, share) in [(1_000, 0.02), (1_000, 0.0), (10_000, 0.02)] {
        let stage = organisation(repos, share, 4);
        let started = tokio::time::Instant::now();
        stage.good_cycle().await;
        println!(
            "{repos} repositories, {share}: first scrape {} points in {:?} {:?}",
            stage.points(),
            started.elapsed(),
            by_query(&stage)
        );
        for nth in 1..=3 {
            let started = tokio::time::Instant::now();
            let points = hour(&stage).await;
            println!(
                "{repos} repositories, {share}, hour {nth}: {points} points in {:?} {:?}",
                started.elapsed(),
                by_query(&stage)
            );
            let most = if share > 0.0 { repos as u64 / 5 } else { 20 + repos as u64 / 100 };
            assert!(points <= most, "{points} points");
        }
        stage.assert_true("after three hours").await;
        assert!(started.elapsed() < Duration::from_secs(3_600));
    }
}
