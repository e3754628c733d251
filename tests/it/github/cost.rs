//! The cost of collecting in points, as the simulator counts them.

use std::time::Duration;

use github_sim::{EarlierActivity, LargeWorld, generate_large_world};
use github_stats::config::GithubApi;
use jiff::SignedDuration;

use super::fixture::{INTERVAL, ORG, ScraperFixture, config, options, simulator};

fn organisation(repos: usize, changed_share: f64, hours: i64) -> ScraperFixture {
    let made = LargeWorld {
        org: ORG.to_owned(),
        repos,
        changed_share,
        future: SignedDuration::from_hours(hours),
        ..LargeWorld::default()
    };
    let simulator = simulator(options(1_000_000), |now| generate_large_world(&made, now));
    let config = config(&simulator, GithubApi::Graphql);
    ScraperFixture::new(simulator, &config)
}

async fn hour(fixture: &ScraperFixture) -> u64 {
    fixture.sim.reset_log();
    for _ in 0..12 {
        fixture.advance(INTERVAL);
        fixture.successful_cycle().await;
    }
    fixture.points()
}

fn by_query(fixture: &ScraperFixture) -> std::collections::BTreeMap<String, u32> {
    let mut costs = std::collections::BTreeMap::new();
    for request in fixture.sim.requests() {
        *costs.entry(request.operation.unwrap_or(request.path)).or_default() += request.cost;
    }
    costs
}

#[actix::test]
async fn an_idle_organisation_costs_a_point_a_cycle_and_its_listing_an_hour() {
    let fixture = organisation(300, 0.0, 3);
    fixture.successful_cycle().await;
    for nth in 1..=3 {
        let points = hour(&fixture).await;
        println!("idle, 300 repositories, hour {nth}: {points} points {:?}", by_query(&fixture));
        assert!(points <= 20 + 3, "{points} points: {:?}", by_query(&fixture));
    }
    fixture.assert_matches_ground_truth("after three hours").await;
}

#[actix::test]
async fn a_changing_share_of_two_percent_costs_what_changed_and_nothing_is_missed() {
    let fixture = organisation(200, 0.02, 4);
    fixture.successful_cycle().await;
    println!("first scrape of 200 repositories: {} points {:?}", fixture.points(), by_query(&fixture));
    for nth in 1..=3 {
        let points = hour(&fixture).await;
        println!("200 repositories, hour {nth}: {points} points {:?}", by_query(&fixture));
        fixture.assert_matches_ground_truth(&format!("after {nth} hours")).await;
        assert!(points <= 80, "{points} points: {:?}", by_query(&fixture));
    }
}

/// A number of repositories with a week of activity.
fn week(repos: usize, pushes: usize) -> LargeWorld {
    let history = Some(EarlierActivity { span: SignedDuration::from_hours(7 * 24), pushes });
    LargeWorld {
        org: ORG.to_owned(),
        repos,
        users: 200,
        changed_share: 0.0,
        history,
        ..LargeWorld::default()
    }
}

async fn first_scrape(api: GithubApi, made: &LargeWorld) -> ScraperFixture {
    let simulator = simulator(options(1_000_000), |now| generate_large_world(made, now));
    let config = config(&simulator, api);
    let fixture = ScraperFixture::new(simulator, &config);
    let started = tokio::time::Instant::now();
    fixture.successful_cycle().await;
    let (took, facts, points) = (started.elapsed(), fixture.truth().len(), fixture.points());
    println!(
        "{api:?}, {} repositories, {facts} facts of a week: first scrape {points} points in {took:?} {:?}",
        made.repos,
        by_query(&fixture)
    );
    fixture.assert_matches_ground_truth("after the first scrape").await;
    fixture
}

#[actix::test]
async fn the_cost_of_a_week_of_history_is_proportional_to_its_size() {
    let fixture = first_scrape(GithubApi::Graphql, &week(50, 130)).await;
    assert!(fixture.truth().len() > 700);
    assert!(fixture.points() <= 60, "{:?}", by_query(&fixture));
}

/// `cargo test --release --test it github::cost::measurements -- --ignored --nocapture`
mod measurements {
    use super::*;

    /// A thousand repositories with some 20,000 facts; a minute long in a debug build.
    #[actix::test]
    #[ignore = "a measurement; see docs/PERFORMANCE.md"]
    async fn with_a_week_of_history() {
        let fixture = first_scrape(GithubApi::Graphql, &week(1_000, 2_600)).await;
        assert!((15_000..30_000).contains(&fixture.truth().len()));
        assert!(fixture.points() <= 1_000, "{:?}", by_query(&fixture));
    }

    /// The sizes of the promise; minutes long in a debug build.
    #[actix::test]
    #[ignore = "a measurement; see docs/PERFORMANCE.md"]
    async fn at_full_size() {
        for (repos, share) in [(1_000, 0.02), (1_000, 0.0), (10_000, 0.02)] {
            let fixture = organisation(repos, share, 4);
            let started = tokio::time::Instant::now();
            fixture.successful_cycle().await;
            println!(
                "{repos} repositories, {share}: first scrape {} points in {:?} {:?}",
                fixture.points(),
                started.elapsed(),
                by_query(&fixture)
            );
            for nth in 1..=3 {
                let started = tokio::time::Instant::now();
                let points = hour(&fixture).await;
                println!(
                    "{repos} repositories, {share}, hour {nth}: {points} points in {:?} {:?}",
                    started.elapsed(),
                    by_query(&fixture)
                );
                let most = if share > 0.0 { repos as u64 / 5 } else { 20 + repos as u64 / 100 };
                assert!(points <= most, "{points} points");
            }
            fixture.assert_matches_ground_truth("after three hours").await;
            assert!(started.elapsed() < Duration::from_secs(3_600));
        }
    }
}
