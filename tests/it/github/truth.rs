//! One suite for both APIs: the stored facts are the simulator's.

use std::time::Duration;

use github_sim::{
    BusyWorld, Commit, GithubWorld, LargeWorld, PullRequest, Review, generate_busy_world,
    generate_large_world,
};
use github_stats::config::GithubApi;
use jiff::SignedDuration;

use super::fixture::{INTERVAL, ORG, ScraperFixture, config, options, simulator};

const MINUTE: Duration = Duration::from_secs(60);
const PLENTY: u32 = 10_000_000;
const BOTH: [GithubApi; 2] = [GithubApi::Graphql, GithubApi::Rest];

fn fixture(api: GithubApi, world: impl FnOnce(jiff::Timestamp) -> GithubWorld) -> ScraperFixture {
    let simulator = simulator(options(PLENTY), world);
    let config = config(&simulator, api);
    ScraperFixture::new(simulator, &config)
}

#[actix::test]
async fn a_busy_organisation_is_collected_exactly_over_both_apis() {
    for api in BOTH {
        // A small world: over REST every commit costs a request, and requests per minute are
        // limited.
        let busy = LargeWorld {
            seed: 11,
            org: ORG.to_owned(),
            repos: 12,
            changed_share: 0.25,
            past: SignedDuration::from_mins(30),
            ..LargeWorld::default()
        };
        let fixture = fixture(api, |now| generate_large_world(&busy, now));
        fixture.successful_cycle().await;
        fixture.assert_matches_ground_truth(&format!("{api:?} at first")).await;
        for step in 1..=8 {
            fixture.advance(INTERVAL);
            fixture.successful_cycle().await;
            fixture.assert_matches_ground_truth(&format!("{api:?} after {step} cycles")).await;
        }
    }
}

#[actix::test]
async fn bots_ghosts_merges_and_force_pushes_are_collected_exactly() {
    let busy_world =
        BusyWorld { seed: 11, org: ORG.to_owned(), repos: 6, deletions: false, ..BusyWorld::default() };
    let fixture = fixture(GithubApi::Graphql, |now| generate_busy_world(busy_world, now));
    fixture.successful_cycle().await;
    fixture.assert_matches_ground_truth("at first").await;
    for step in 1..=30 {
        fixture.advance(INTERVAL);
        fixture.successful_cycle().await;
        fixture.assert_matches_ground_truth(&format!("after {step} cycles")).await;
    }
}

#[actix::test]
async fn merges_force_pushes_and_resets_of_branches_are_followed_over_both_apis() {
    for api in BOTH {
        let fixture = fixture(api, |_| GithubWorld::new());
        let now = fixture.sim.now();
        let ago = |hours: i64| now - SignedDuration::from_hours(hours);
        let base = fixture.sim.edit(|world| {
            let org = world.org(ORG);
            org.create_repo("empty", ago(900));
            let repo = org.create_repo("api", ago(900));
            repo.push(ago(50), (1..=30).map(|n| Commit::new("ada", ago(100 - n))).collect())
        });
        fixture.successful_cycle().await;
        fixture.assert_matches_ground_truth("at first").await;

        // A branch of old commits is merged now; their dates are before the known tip.
        fixture.advance(INTERVAL);
        let at = fixture.sim.now();
        fixture.sim.edit(|world| {
            let repo = world.org(ORG).repo("api");
            let branch: Vec<Commit> =
                (1..=12).map(|n| Commit::new("bob", ago(98 - n)).lines(n as u64, 1)).collect();
            let pushed = repo.push_to("topic", at, branch);
            repo.push(at, vec![Commit::merge("ada", at, pushed.last().expect("a tip"))]);
        });
        fixture.successful_cycle().await;
        fixture.assert_matches_ground_truth("after a merge of old commits").await;

        // The branch is rewritten, so that dropped commits disappear.
        fixture.advance(INTERVAL);
        let at = fixture.sim.now();
        fixture.sim.edit(|world| {
            world.org(ORG).repo("api").force_push(at, Some(base[20].as_str()), vec![Commit::new("eve", at)]);
        });
        fixture.successful_cycle().await;
        fixture.assert_matches_ground_truth("after a force-push").await;

        // The branch is reset to an ancestor, and an empty repository gets old commits.
        fixture.advance(INTERVAL);
        let at = fixture.sim.now();
        fixture.sim.edit(|world| {
            world.org(ORG).repo("api").force_push(at, Some(base[10].as_str()), vec![]);
            let old: Vec<Commit> = (1..=40).map(|n| Commit::new("ken", ago(200 - n))).collect();
            world.org(ORG).repo("empty").push(at, old);
        });
        fixture.successful_cycle().await;
        fixture.assert_matches_ground_truth("after a reset").await;
    }
}

#[actix::test]
async fn long_conversations_ghosts_and_pending_reviews_are_read_over_both_apis() {
    for api in BOTH {
        let fixture = fixture(api, |_| GithubWorld::new());
        let now = fixture.sim.now();
        let ago = |minutes: i64| now - SignedDuration::from_mins(minutes);
        let fill = |from: i64, count: i64| {
            fixture.sim.edit(|world| {
                let repo = world.org(ORG).repo("api");
                for n in 0..count {
                    let at = ago(from) + SignedDuration::from_secs(n);
                    repo.comment(1, github_sim::Comment::new("renovate[bot]", at));
                    repo.review(1, Review::approved("grace", at));
                }
            });
        };
        fixture.sim.edit(|world| {
            let repo = world.org(ORG).create_repo("api", ago(60_000));
            repo.pull_request(PullRequest::by_ghost(ago(5_000)));
            repo.review(1, Review::pending("ada", ago(4_000)));
            repo.comment(1, github_sim::Comment::by_ghost(ago(3_000)));
        });
        fill(2_000, 250);
        fixture.successful_cycle().await;
        fixture.assert_matches_ground_truth("at first").await;
        fixture.advance(INTERVAL);
        fill(-4, 130);
        fixture.advance(3 * MINUTE);
        fixture.successful_cycle().await;
        fixture.assert_matches_ground_truth("after a burst").await;
    }
}

#[actix::test]
async fn repositories_that_appear_are_renamed_or_deleted_are_noticed_within_the_hour() {
    for api in BOTH {
        let fixture = fixture(api, |_| GithubWorld::new());
        let now = fixture.sim.now();
        let in_minutes = |minutes: i64| now + SignedDuration::from_mins(minutes);
        fixture.sim.edit(|world| {
            let org = world.org(ORG);
            for name in ["stays", "renamed", "deleted"] {
                org.create_repo(name, in_minutes(-9_000))
                    .push(in_minutes(-500), vec![Commit::new("ada", in_minutes(-501))]);
            }
            org.repo("renamed").rename(in_minutes(7), "new-name");
            org.repo("renamed").push(in_minutes(8), vec![Commit::new("bob", in_minutes(8))]);
            let late = org.create_repo("late", in_minutes(11));
            late.push(in_minutes(12), vec![Commit::new("eve", in_minutes(-3_000))]);
        });
        fixture.successful_cycle().await;
        for _ in 0..13 {
            fixture.advance(INTERVAL);
            fixture.successful_cycle().await;
        }
        fixture.assert_matches_ground_truth("after an hour").await;
    }
}

#[actix::test]
async fn deleted_comments_and_results_of_a_lagging_search_are_corrected_within_the_hour() {
    let mut options = options(PLENTY);
    options.search_lag = Duration::from_secs(900);
    let simulator = simulator(options, |_| GithubWorld::new());
    let config = config(&simulator, GithubApi::Graphql);
    let fixture = ScraperFixture::new(simulator, &config);
    let now = fixture.sim.now();
    let in_minutes = |minutes: i64| now + SignedDuration::from_mins(minutes);
    fixture.sim.edit(|world| {
        let repo = world.org(ORG).create_repo("api", in_minutes(-9_000));
        repo.push(in_minutes(-500), vec![Commit::new("ada", in_minutes(-501))]);
        repo.pull_request(PullRequest::new("ada", in_minutes(-30)));
        repo.comment(1, github_sim::Comment::new("bob", in_minutes(-20)));
        let doomed = repo.comment(1, github_sim::Comment::new("eve", in_minutes(-10)));
        repo.delete_comment(doomed, in_minutes(2));
        repo.comment(1, github_sim::Comment::new("ken", in_minutes(4)));
    });
    fixture.successful_cycle().await;
    fixture.assert_matches_ground_truth("at first").await;
    for _ in 0..13 {
        fixture.advance(INTERVAL);
        fixture.successful_cycle().await;
    }
    fixture.assert_matches_ground_truth("after an hour").await;
}

#[actix::test]
async fn dropped_commits_of_a_rewritten_branch_disappear_up_to_the_end_of_retention() {
    for api in BOTH {
        let fixture = fixture(api, |_| GithubWorld::new());
        let now = fixture.sim.now();
        let ago = |days: i64| now - SignedDuration::from_hours(24 * days);
        let base = fixture.sim.edit(|world| {
            let repo = world.org(ORG).create_repo("api", ago(60));
            repo.push(ago(50), vec![Commit::new("ada", ago(51))])
        });
        fixture.successful_cycle().await;
        fixture.advance(INTERVAL);
        // Older than the collected history, but read because it is pushed now.
        let at = fixture.sim.now();
        let late = fixture.sim.edit(|world| {
            world.org(ORG).repo("api").push(at, vec![Commit::new("bob", ago(20)), Commit::new("bob", at)])
        });
        fixture.successful_cycle().await;
        let id = format!("commit:{}", late[0]);
        assert!(fixture.ids().await.contains(&id), "{api:?}");
        fixture.advance(INTERVAL);
        let at = fixture.sim.now();
        fixture.sim.edit(|world| world.org(ORG).repo("api").force_push(at, Some(base[0].as_str()), vec![]));
        fixture.successful_cycle().await;
        assert!(!fixture.ids().await.contains(&id), "{api:?}");
        fixture.assert_matches_ground_truth("after the force-push").await;
    }
}

#[actix::test]
async fn a_deletion_after_a_restart_is_noticed_within_the_hour() {
    let simulator = simulator(options(PLENTY), |_| GithubWorld::new());
    let config = config(&simulator, GithubApi::Graphql);
    let fixture = ScraperFixture::new(simulator, &config);
    let now = fixture.sim.now();
    let in_minutes = |minutes: i64| now + SignedDuration::from_mins(minutes);
    fixture.sim.edit(|world| {
        let repo = world.org(ORG).create_repo("api", in_minutes(-9_000));
        repo.push(in_minutes(-500), vec![Commit::new("ada", in_minutes(-501))]);
        repo.pull_request(PullRequest::new("ada", in_minutes(-400)));
        repo.comment(1, github_sim::Comment::new("bob", in_minutes(-300)));
        let doomed = repo.comment(1, github_sim::Comment::new("eve", in_minutes(-290)));
        repo.delete_comment(doomed, in_minutes(7));
    });
    fixture.successful_cycle().await;
    fixture.advance(INTERVAL);
    let fixture = fixture.restarted(&config);
    for _ in 0..14 {
        fixture.successful_cycle().await;
        fixture.advance(INTERVAL);
    }
    fixture.assert_matches_ground_truth("an hour after the restart").await;
}
