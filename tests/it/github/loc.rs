//! Lines of code over REST: weekly statistics where GitHub has them, single commits where it does
//! not.

use std::collections::BTreeMap;
use std::time::Duration;

use github_sim::{Commit, Endpoint, GithubWorld, Options, StatisticsOptions};
use github_stats::config::{Config, GithubApi};
use github_stats_actors::activity::{Timestamp, WEEK, last_complete_week};
use jiff::SignedDuration;

use super::fixture::{FactRow, INTERVAL, ORG, ScraperFixture, config, options, simulator};

const PLENTY: u32 = 1_000_000;
const HOUR: Duration = Duration::from_secs(3_600);

/// A number of commits by three users, an hour apart, the newest two hours ago; every fifth is a
/// merge.
fn world(now: jiff::Timestamp, commits: i64) -> GithubWorld {
    let mut world = GithubWorld::new();
    let mut tip: Option<String> = None;
    let repo = world.org(ORG).create_repo("api", now - SignedDuration::from_hours(900));
    for nth in (0..commits).rev() {
        let at = now - SignedDuration::from_hours(2 + nth);
        let user = ["ada", "bob", "eve"][(nth % 3) as usize];
        let commit = match &tip {
            Some(tip) if nth % 5 == 0 => Commit::merge(user, at, tip),
            _ => Commit::new(user, at).lines(10 + nth as u64, nth as u64),
        };
        tip = repo.push(at, vec![commit]).last().map(ToString::to_string);
    }
    world
}

fn fixture(statistics: StatisticsOptions, commits: i64, change: impl FnOnce(&mut Config)) -> ScraperFixture {
    // A Wednesday: both reported weeks have commits.
    let start = Some("2026-11-18T12:00:00Z".parse().expect("a time"));
    let options = Options { statistics, start, ..options(PLENTY) };
    let simulator = simulator(options, |now| world(now, commits));
    let mut config = config(&simulator, GithubApi::Rest);
    config.loc.large_repo_zero_detection_windows = 2;
    change(&mut config);
    ScraperFixture::new(simulator, &config)
}

/// Additions and deletions by user and week, of the current and the previous week.
fn weekly_loc(
    facts: impl IntoIterator<Item = FactRow>,
    now: Timestamp,
) -> BTreeMap<(String, i64), (u64, u64)> {
    let mut weekly_loc = BTreeMap::new();
    for (_, id, user, at, additions, deletions) in facts {
        let week = last_complete_week(Timestamp::from_unix(at) + WEEK).from();
        if id.starts_with("commit:") && week >= last_complete_week(now).from() {
            let sum: &mut (u64, u64) = weekly_loc.entry((user, week.as_unix())).or_default();
            *sum = (sum.0 + additions, sum.1 + deletions);
        }
    }
    weekly_loc
}

async fn assert_sums(fixture: &ScraperFixture, when: &str) {
    let now = fixture.clock.now();
    let truth = weekly_loc(fixture.truth(), now);
    assert!(truth.values().any(|(additions, _)| *additions > 0), "{when}: there are additions to be found");
    assert_eq!(weekly_loc(fixture.stored().await, now), truth, "{when}");
}

fn asked(fixture: &ScraperFixture, endpoint: Endpoint) -> usize {
    fixture.sim.requests().iter().filter(|request| request.endpoint == Some(endpoint)).count()
}

async fn commits_with_loc(fixture: &ScraperFixture) -> usize {
    fixture.stored().await.iter().filter(|fact| fact.4 > 0).count()
}

#[actix::test]
async fn weekly_statistics_become_the_lines_of_commits_without_a_request_for_any_of_them() {
    let fixture = fixture(StatisticsOptions::default(), 200, |_| ());
    fixture.successful_cycle().await;
    assert_eq!(fixture.loc_events.of("api"), Some(("warming", false)));
    assert_eq!(commits_with_loc(&fixture).await, 0);
    fixture.advance(INTERVAL);
    fixture.successful_cycle().await;
    assert_eq!(fixture.loc_events.of("api"), Some(("ready", false)));
    assert_sums(&fixture, "when the statistics are there").await;
    fixture.advance(INTERVAL);
    fixture.successful_cycle().await;
    assert_eq!(asked(&fixture, Endpoint::ContributorStatistics), 2, "they are valid for a day");

    // Later pushes are included by the next refresh, after GitHub has computed again.
    let at = fixture.sim.now();
    fixture.sim.edit(|world| {
        let more = (1..=7).map(|nth| Commit::new("ada", at).lines(nth, 1)).collect();
        world.org(ORG).repo("api").push(at, more);
    });
    fixture.advance(24 * HOUR);
    fixture.successful_cycle().await;
    assert_eq!(fixture.loc_events.of("api"), Some(("stale", false)));
    fixture.advance(INTERVAL);
    fixture.successful_cycle().await;
    assert_eq!(fixture.loc_events.of("api"), Some(("ready", false)));
    assert_sums(&fixture, "after a refresh").await;
    assert_eq!(asked(&fixture, Endpoint::Commit), 0);
}

#[actix::test]
async fn a_completed_week_is_requested_at_once_and_stale_statistics_are_corrected() {
    let lag = StatisticsOptions { lag: 6 * HOUR, pending: 0, ..StatisticsOptions::default() };
    let fixture = fixture(lag, 300, |_| ());
    fixture.successful_cycle().await;
    assert_eq!(fixture.loc_events.of("api"), Some(("ready", false)));
    let now = fixture.clock.now();
    assert_ne!(
        weekly_loc(fixture.stored().await, now),
        weekly_loc(fixture.truth(), now),
        "the statistics were six hours old"
    );
    let sunday = last_complete_week(now).to() + WEEK;
    fixture.advance(Duration::from_secs(sunday.seconds_since(now).unsigned_abs() + 1));
    fixture.sim.reset_log();
    fixture.successful_cycle().await;
    assert_eq!(asked(&fixture, Endpoint::ContributorStatistics), 1);
    fixture.advance(24 * HOUR);
    fixture.successful_cycle().await;
    assert_sums(&fixture, "a day later").await;
}

#[actix::test]
async fn statistics_that_stay_pending_delay_nothing_and_are_replaced_after_an_hour() {
    let never = StatisticsOptions { pending: usize::MAX, ..StatisticsOptions::default() };
    let fixture = fixture(never, 40, |_| ());
    for _ in 0..12 {
        fixture.successful_cycle().await;
        assert_eq!(fixture.loc_events.of("api"), Some(("warming", false)));
        fixture.advance(INTERVAL);
    }
    assert_eq!(commits_with_loc(&fixture).await, 0);
    fixture.successful_cycle().await;
    assert_eq!(fixture.loc_events.of("api"), Some(("fallback", false)));
    fixture.assert_matches_ground_truth("by single commits").await;
    let asked_before = asked(&fixture, Endpoint::ContributorStatistics);
    fixture.advance(INTERVAL);
    fixture.successful_cycle().await;
    assert_eq!(asked(&fixture, Endpoint::ContributorStatistics), asked_before);
}

#[actix::test]
async fn a_large_repository_is_read_commit_by_commit_within_its_limits() {
    let large = || StatisticsOptions { pending: 0, zero_from: 100, ..StatisticsOptions::default() };
    // 300 hours are two weeks at least, and three at most.
    let stage_of = |per_week, per_hour| {
        fixture(large(), 300, |config| {
            config.loc.fallback_max_commits_per_repo_per_week = per_week;
            config.loc.fallback_max_commit_detail_calls_per_org_per_hour = per_hour;
        })
    };
    let capped = stage_of(20, 1_000);
    capped.successful_cycle().await;
    assert_eq!(capped.loc_events.of("api"), Some(("fallback", true)));
    assert_eq!((asked(&capped, Endpoint::Commit), capped.loc_events.exhausted()), (40, 0));
    capped.advance(2 * HOUR);
    capped.successful_cycle().await;
    assert_eq!(asked(&capped, Endpoint::Commit), 40, "the limit per week is not exceeded");

    let hourly = stage_of(1_000, 200);
    hourly.successful_cycle().await;
    assert_eq!(hourly.loc_events.of("api"), Some(("fallback", true)));
    assert_eq!((asked(&hourly, Endpoint::Commit), hourly.loc_events.exhausted()), (200, 1));
    hourly.advance(INTERVAL);
    hourly.successful_cycle().await;
    assert_eq!((asked(&hourly, Endpoint::Commit), hourly.loc_events.exhausted()), (200, 1));
    hourly.advance(HOUR);
    hourly.successful_cycle().await;
    assert_eq!(hourly.loc_events.of("api"), Some(("fallback", false)));
    hourly.assert_matches_ground_truth("in the next hour").await;
    assert_eq!(asked(&hourly, Endpoint::ContributorStatistics), 1, "statistics are not requested for a week");
}

#[actix::test]
async fn without_a_fallback_missing_lines_are_reported_as_incomplete() {
    let large = StatisticsOptions { pending: 0, zero_from: 10, ..StatisticsOptions::default() };
    let fixture = fixture(large, 250, |config| config.loc.fallback_enabled = false);
    fixture.successful_cycle().await;
    assert_eq!(fixture.loc_events.of("api"), Some(("fallback", true)));
    assert_eq!((asked(&fixture, Endpoint::Commit), commits_with_loc(&fixture).await), (0, 0));
}

#[actix::test]
async fn reading_a_branch_again_loses_no_lines() {
    let fixture = fixture(StatisticsOptions { pending: 0, ..StatisticsOptions::default() }, 60, |_| ());
    fixture.successful_cycle().await;
    let before = commits_with_loc(&fixture).await;
    assert!(before > 40);
    fixture.advance(INTERVAL);
    let mut commits: Vec<FactRow> =
        fixture.truth().into_iter().filter(|fact| fact.1.starts_with("commit:")).collect();
    commits.sort_by_key(|fact| fact.3);
    let base = commits[commits.len() - 2].1.trim_start_matches("commit:").to_owned();
    let at = fixture.sim.now();
    fixture.sim.edit(|world| {
        world.org(ORG).repo("api").force_push(at, Some(&base), vec![Commit::new("eve", at).lines(5, 5)]);
    });
    fixture.successful_cycle().await;
    assert_eq!(commits_with_loc(&fixture).await, before - 1, "only the lines of the dropped commit are gone");
}

#[actix::test]
async fn contributors_missing_from_the_statistics_are_read_commit_by_commit() {
    let statistics = StatisticsOptions { pending: 0, ..StatisticsOptions::default() };
    let fixture =
        fixture(statistics, 0, |config| config.loc.fallback_max_commit_detail_calls_per_org_per_hour = 3);
    let at = fixture.sim.now() - SignedDuration::from_hours(1);
    fixture.sim.edit(|world| {
        // GitHub lists the hundred contributors with most commits.
        let commits = (0..107).flat_map(|user| {
            let commit = move |_| Commit::new(&format!("user-{user}"), at).lines(user + 1, user);
            (0..if user < 100 { 2 } else { 1 }).map(commit)
        });
        world.org(ORG).repo("api").push(at, commits.collect());
    });
    fixture.successful_cycle().await;
    assert_eq!((asked(&fixture, Endpoint::Commit), fixture.loc_events.of("api")), (3, Some(("ready", true))));
    fixture.advance(HOUR);
    fixture.successful_cycle().await;
    fixture.advance(HOUR);
    fixture.successful_cycle().await;
    assert_eq!(
        (asked(&fixture, Endpoint::Commit), fixture.loc_events.of("api")),
        (7, Some(("ready", false)))
    );
    assert_eq!(asked(&fixture, Endpoint::ContributorStatistics), 1);
    assert_sums(&fixture, "with the rest").await;
}
