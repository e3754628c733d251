//! Lines over REST: GitHub's weekly sums where there are statistics, single commits where there are none.

use std::collections::BTreeMap;
use std::time::Duration;

use github_sim::{Commit, Endpoint, Options, StatisticsOptions, World};
use github_stats::config::{Config, GithubApi};
use github_stats_actors::activity::{Timestamp, WEEK, last_complete_week};
use jiff::SignedDuration;

use super::stage::{INTERVAL, ORG, Stage, Told, config, options, simulator};

const PLENTY: u32 = 1_000_000;
const HOUR: Duration = Duration::from_secs(3_600);

/// So many commits of each of three people, an hour apart and beginning two hours ago; every fifth is a merge.
fn world(now: jiff::Timestamp, commits: i64) -> World {
    let mut world = World::new();
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

fn stage(statistics: StatisticsOptions, commits: i64, change: impl FnOnce(&mut Config)) -> Stage {
    // A Wednesday: both weeks that are shown have commits.
    let start = Some("2026-11-18T12:00:00Z".parse().expect("a time"));
    let options = Options { statistics, start, ..options(PLENTY) };
    let simulator = simulator(options, |now| world(now, commits));
    let mut config = config(&simulator, GithubApi::Rest);
    config.loc.large_repo_zero_detection_windows = 2;
    change(&mut config);
    Stage::new(simulator, &config)
}

/// Additions and deletions by user and week, of this week and the last one.
fn sums(facts: impl IntoIterator<Item = Told>, now: Timestamp) -> BTreeMap<(String, i64), (u64, u64)> {
    let mut sums = BTreeMap::new();
    for (_, id, user, at, additions, deletions) in facts {
        let week = last_complete_week(Timestamp::from_unix(at) + WEEK).from();
        if id.starts_with("commit:") && week >= last_complete_week(now).from() {
            let sum: &mut (u64, u64) = sums.entry((user, week.as_unix())).or_default();
            *sum = (sum.0 + additions, sum.1 + deletions);
        }
    }
    sums
}

async fn assert_sums(stage: &Stage, when: &str) {
    let now = stage.clock.now();
    let truth = sums(stage.truth(), now);
    assert!(truth.values().any(|(additions, _)| *additions > 0), "{when}: there is something to be found");
    assert_eq!(sums(stage.stored().await, now), truth, "{when}");
}

fn asked(stage: &Stage, endpoint: Endpoint) -> usize {
    stage.sim.requests().iter().filter(|request| request.endpoint == Some(endpoint)).count()
}

async fn known(stage: &Stage) -> usize {
    stage.stored().await.iter().filter(|told| told.4 > 0).count()
}

#[actix::test]
async fn weekly_statistics_become_the_lines_of_commits_without_a_request_for_any_of_them() {
    let stage = stage(StatisticsOptions::default(), 200, |_| ());
    stage.good_cycle().await;
    assert_eq!(stage.told.of("api"), Some(("warming", false)));
    assert_eq!(known(&stage).await, 0);
    stage.advance(INTERVAL);
    stage.good_cycle().await;
    assert_eq!(stage.told.of("api"), Some(("ready", false)));
    assert_sums(&stage, "when the statistics are there").await;
    stage.advance(INTERVAL);
    stage.good_cycle().await;
    assert_eq!(asked(&stage, Endpoint::ContributorStatistics), 2, "they are good for a day");

    // What is pushed later is there at the next refresh, after GitHub has computed once more.
    let at = stage.sim.now();
    stage.sim.edit(|world| {
        let more = (1..=7).map(|nth| Commit::new("ada", at).lines(nth, 1)).collect();
        world.org(ORG).repo("api").push(at, more);
    });
    stage.advance(24 * HOUR);
    stage.good_cycle().await;
    assert_eq!(stage.told.of("api"), Some(("stale", false)));
    stage.advance(INTERVAL);
    stage.good_cycle().await;
    assert_eq!(stage.told.of("api"), Some(("ready", false)));
    assert_sums(&stage, "after a refresh").await;
    assert_eq!(asked(&stage, Endpoint::Commit), 0);
}

#[actix::test]
async fn a_week_that_has_ended_is_asked_for_at_once_and_old_answers_are_put_right() {
    let lag = StatisticsOptions { lag: 6 * HOUR, pending: 0, ..StatisticsOptions::default() };
    let stage = stage(lag, 300, |_| ());
    stage.good_cycle().await;
    assert_eq!(stage.told.of("api"), Some(("ready", false)));
    let now = stage.clock.now();
    assert_ne!(sums(stage.stored().await, now), sums(stage.truth(), now), "the answer was six hours old");
    let sunday = last_complete_week(now).to() + WEEK;
    stage.advance(Duration::from_secs(sunday.seconds_since(now).unsigned_abs() + 1));
    stage.sim.reset_log();
    stage.good_cycle().await;
    assert_eq!(asked(&stage, Endpoint::ContributorStatistics), 1);
    stage.advance(24 * HOUR);
    stage.good_cycle().await;
    assert_sums(&stage, "a day later").await;
}

#[actix::test]
async fn statistics_that_never_come_hold_nothing_up_and_are_replaced_after_an_hour() {
    let never = StatisticsOptions { pending: usize::MAX, ..StatisticsOptions::default() };
    let stage = stage(never, 40, |_| ());
    for _ in 0..12 {
        stage.good_cycle().await;
        assert_eq!(stage.told.of("api"), Some(("warming", false)));
        stage.advance(INTERVAL);
    }
    assert_eq!(known(&stage).await, 0);
    stage.good_cycle().await;
    assert_eq!(stage.told.of("api"), Some(("fallback", false)));
    stage.assert_true("by single commits").await;
    let asked_before = asked(&stage, Endpoint::ContributorStatistics);
    stage.advance(INTERVAL);
    stage.good_cycle().await;
    assert_eq!(asked(&stage, Endpoint::ContributorStatistics), asked_before);
}

#[actix::test]
async fn a_large_repository_is_read_commit_by_commit_within_its_limits() {
    let large = || StatisticsOptions { pending: 0, zero_from: 100, ..StatisticsOptions::default() };
    // 300 hours are two weeks at least, and three at most.
    let stage_of = |per_week, per_hour| {
        stage(large(), 300, |config| {
            config.loc.fallback_max_commits_per_repo_per_week = per_week;
            config.loc.fallback_max_commit_detail_calls_per_org_per_hour = per_hour;
        })
    };
    let capped = stage_of(20, 1_000);
    capped.good_cycle().await;
    assert_eq!(capped.told.of("api"), Some(("fallback", true)));
    assert_eq!((asked(&capped, Endpoint::Commit), capped.told.exhausted()), (40, 0));
    capped.advance(2 * HOUR);
    capped.good_cycle().await;
    assert_eq!(asked(&capped, Endpoint::Commit), 40, "a week has its share once");

    let hourly = stage_of(1_000, 200);
    hourly.good_cycle().await;
    assert_eq!(hourly.told.of("api"), Some(("fallback", true)));
    assert_eq!((asked(&hourly, Endpoint::Commit), hourly.told.exhausted()), (200, 1));
    hourly.advance(INTERVAL);
    hourly.good_cycle().await;
    assert_eq!((asked(&hourly, Endpoint::Commit), hourly.told.exhausted()), (200, 1));
    hourly.advance(HOUR);
    hourly.good_cycle().await;
    assert_eq!(hourly.told.of("api"), Some(("fallback", false)));
    hourly.assert_true("in the next hour").await;
    assert_eq!(asked(&hourly, Endpoint::ContributorStatistics), 1, "it is left alone for a week");
}

#[actix::test]
async fn without_a_fallback_missing_lines_are_owned_up_to() {
    let large = StatisticsOptions { pending: 0, zero_from: 10, ..StatisticsOptions::default() };
    let stage = stage(large, 250, |config| config.loc.fallback_enabled = false);
    stage.good_cycle().await;
    assert_eq!(stage.told.of("api"), Some(("fallback", true)));
    assert_eq!((asked(&stage, Endpoint::Commit), known(&stage).await), (0, 0));
}

#[actix::test]
async fn reading_a_branch_again_forgets_no_lines() {
    let stage = stage(StatisticsOptions { pending: 0, ..StatisticsOptions::default() }, 60, |_| ());
    stage.good_cycle().await;
    let before = known(&stage).await;
    assert!(before > 40);
    stage.advance(INTERVAL);
    let mut commits: Vec<Told> =
        stage.truth().into_iter().filter(|told| told.1.starts_with("commit:")).collect();
    commits.sort_by_key(|told| told.3);
    let base = commits[commits.len() - 2].1.trim_start_matches("commit:").to_owned();
    let at = stage.sim.now();
    stage.sim.edit(|world| {
        world.org(ORG).repo("api").force_push(at, Some(&base), vec![Commit::new("eve", at).lines(5, 5)]);
    });
    stage.good_cycle().await;
    assert_eq!(known(&stage).await, before - 1, "only the lines of what was dropped are gone");
}

#[actix::test]
async fn whom_the_statistics_do_not_name_is_read_commit_by_commit() {
    let told = StatisticsOptions { pending: 0, ..StatisticsOptions::default() };
    let stage = stage(told, 0, |config| config.loc.fallback_max_commit_detail_calls_per_org_per_hour = 3);
    let at = stage.sim.now() - SignedDuration::from_hours(1);
    stage.sim.edit(|world| {
        // GitHub names the hundred with most commits.
        let commits = (0..107).flat_map(|user| {
            let commit = move |_| Commit::new(&format!("user-{user}"), at).lines(user + 1, user);
            (0..if user < 100 { 2 } else { 1 }).map(commit)
        });
        world.org(ORG).repo("api").push(at, commits.collect());
    });
    stage.good_cycle().await;
    assert_eq!((asked(&stage, Endpoint::Commit), stage.told.of("api")), (3, Some(("ready", true))));
    stage.advance(HOUR);
    stage.good_cycle().await;
    stage.advance(HOUR);
    stage.good_cycle().await;
    assert_eq!((asked(&stage, Endpoint::Commit), stage.told.of("api")), (7, Some(("ready", false))));
    assert_eq!(asked(&stage, Endpoint::ContributorStatistics), 1);
    assert_sums(&stage, "with the rest").await;
}
