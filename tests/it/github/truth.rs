//! One suite for both sources: what is stored is what there is.

use std::time::Duration;

use github_sim::{Commit, Lively, PullRequest, Review, Scale, World, generate, scale};
use github_stats::config::GithubApi;
use jiff::SignedDuration;

use super::stage::{INTERVAL, ORG, Stage, config, options, simulator};

const MINUTE: Duration = Duration::from_secs(60);
const PLENTY: u32 = 10_000_000;
const BOTH: [GithubApi; 2] = [GithubApi::Graphql, GithubApi::Rest];

fn stage(api: GithubApi, world: impl FnOnce(jiff::Timestamp) -> World) -> Stage {
    let simulator = simulator(options(PLENTY), world);
    let config = config(&simulator, api);
    Stage::new(simulator, &config)
}

#[actix::test]
async fn a_busy_organisation_is_collected_exactly_over_both_apis() {
    for api in BOTH {
        // Over REST every commit costs a request, of which a minute allows only so many.
        let busy = Scale {
            seed: 11,
            org: ORG.to_owned(),
            repos: 12,
            changed_share: 0.25,
            past: SignedDuration::from_mins(30),
            ..Scale::default()
        };
        let stage = stage(api, |now| scale(&busy, now));
        stage.good_cycle().await;
        stage.assert_true(&format!("{api:?} at first")).await;
        for step in 1..=8 {
            stage.advance(INTERVAL);
            stage.good_cycle().await;
            stage.assert_true(&format!("{api:?} after {step} cycles")).await;
        }
    }
}

#[actix::test]
async fn bots_ghosts_merges_and_force_pushes_are_collected_exactly() {
    let lively = Lively { seed: 11, org: ORG.to_owned(), repos: 6, deletions: false, ..Lively::default() };
    let stage = stage(GithubApi::Graphql, |now| generate(lively, now));
    stage.good_cycle().await;
    stage.assert_true("at first").await;
    for step in 1..=30 {
        stage.advance(INTERVAL);
        stage.good_cycle().await;
        stage.assert_true(&format!("after {step} cycles")).await;
    }
}

#[actix::test]
async fn branches_are_read_by_their_tips_over_both_apis() {
    for api in BOTH {
        let stage = stage(api, |_| World::new());
        let now = stage.sim.now();
        let ago = |hours: i64| now - SignedDuration::from_hours(hours);
        let base = stage.sim.edit(|world| {
            let org = world.org(ORG);
            org.create_repo("empty", ago(900));
            let repo = org.create_repo("api", ago(900));
            repo.push(ago(50), (1..=30).map(|n| Commit::new("ada", ago(100 - n))).collect())
        });
        stage.good_cycle().await;
        stage.assert_true("at first").await;

        // A branch of old commits is merged now: they lie behind the known tip, by their dates.
        stage.advance(INTERVAL);
        let at = stage.sim.now();
        stage.sim.edit(|world| {
            let repo = world.org(ORG).repo("api");
            let branch: Vec<Commit> =
                (1..=12).map(|n| Commit::new("bob", ago(98 - n)).lines(n as u64, 1)).collect();
            let pushed = repo.push_to("topic", at, branch);
            repo.push(at, vec![Commit::merge("ada", at, pushed.last().expect("a tip"))]);
        });
        stage.good_cycle().await;
        stage.assert_true("after a merge of old commits").await;

        // The branch is rewritten: what was dropped is gone.
        stage.advance(INTERVAL);
        let at = stage.sim.now();
        stage.sim.edit(|world| {
            world.org(ORG).repo("api").force_push(at, Some(base[20].as_str()), vec![Commit::new("eve", at)]);
        });
        stage.good_cycle().await;
        stage.assert_true("after a force-push").await;

        // It is set back to an ancestor, and a repository that was empty gets commits of any date.
        stage.advance(INTERVAL);
        let at = stage.sim.now();
        stage.sim.edit(|world| {
            world.org(ORG).repo("api").force_push(at, Some(base[10].as_str()), vec![]);
            let old: Vec<Commit> = (1..=40).map(|n| Commit::new("ken", ago(200 - n))).collect();
            world.org(ORG).repo("empty").push(at, old);
        });
        stage.good_cycle().await;
        stage.assert_true("after a reset").await;
    }
}

#[actix::test]
async fn long_conversations_ghosts_and_pending_reviews_are_read_over_both_apis() {
    for api in BOTH {
        let stage = stage(api, |_| World::new());
        let now = stage.sim.now();
        let ago = |minutes: i64| now - SignedDuration::from_mins(minutes);
        let fill = |from: i64, count: i64| {
            stage.sim.edit(|world| {
                let repo = world.org(ORG).repo("api");
                for n in 0..count {
                    let at = ago(from) + SignedDuration::from_secs(n);
                    repo.comment(1, github_sim::Comment::new("renovate[bot]", at));
                    repo.review(1, Review::approved("grace", at));
                }
            });
        };
        stage.sim.edit(|world| {
            let repo = world.org(ORG).create_repo("api", ago(60_000));
            repo.pull_request(PullRequest::by_ghost(ago(5_000)));
            repo.review(1, Review::pending("ada", ago(4_000)));
            repo.comment(1, github_sim::Comment::by_ghost(ago(3_000)));
        });
        fill(2_000, 250);
        stage.good_cycle().await;
        stage.assert_true("at first").await;
        stage.advance(INTERVAL);
        fill(-4, 130);
        stage.advance(3 * MINUTE);
        stage.good_cycle().await;
        stage.assert_true("after a burst").await;
    }
}

#[actix::test]
async fn repositories_that_appear_are_renamed_or_deleted_are_noticed_within_the_hour() {
    for api in BOTH {
        let stage = stage(api, |_| World::new());
        let now = stage.sim.now();
        let in_minutes = |minutes: i64| now + SignedDuration::from_mins(minutes);
        stage.sim.edit(|world| {
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
        stage.good_cycle().await;
        for _ in 0..13 {
            stage.advance(INTERVAL);
            stage.good_cycle().await;
        }
        stage.assert_true("after an hour").await;
    }
}

#[actix::test]
async fn a_deleted_comment_and_what_the_search_told_too_late_are_put_right_within_the_hour() {
    let mut options = options(PLENTY);
    options.search_lag = Duration::from_secs(900);
    let simulator = simulator(options, |_| World::new());
    let config = config(&simulator, GithubApi::Graphql);
    let stage = Stage::new(simulator, &config);
    let now = stage.sim.now();
    let in_minutes = |minutes: i64| now + SignedDuration::from_mins(minutes);
    stage.sim.edit(|world| {
        let repo = world.org(ORG).create_repo("api", in_minutes(-9_000));
        repo.push(in_minutes(-500), vec![Commit::new("ada", in_minutes(-501))]);
        repo.pull_request(PullRequest::new("ada", in_minutes(-30)));
        repo.comment(1, github_sim::Comment::new("bob", in_minutes(-20)));
        let doomed = repo.comment(1, github_sim::Comment::new("eve", in_minutes(-10)));
        repo.delete_comment(doomed, in_minutes(2));
        repo.comment(1, github_sim::Comment::new("ken", in_minutes(4)));
    });
    stage.good_cycle().await;
    stage.assert_true("at first").await;
    for _ in 0..13 {
        stage.advance(INTERVAL);
        stage.good_cycle().await;
    }
    stage.assert_true("after an hour").await;
}

#[actix::test]
async fn what_a_rewritten_branch_dropped_is_gone_back_to_the_end_of_retention() {
    for api in BOTH {
        let stage = stage(api, |_| World::new());
        let now = stage.sim.now();
        let ago = |days: i64| now - SignedDuration::from_hours(24 * days);
        let base = stage.sim.edit(|world| {
            let repo = world.org(ORG).create_repo("api", ago(60));
            repo.push(ago(50), vec![Commit::new("ada", ago(51))])
        });
        stage.good_cycle().await;
        stage.advance(INTERVAL);
        // Older than the history that is collected, but pushed now, and so read.
        let at = stage.sim.now();
        let late = stage.sim.edit(|world| {
            world.org(ORG).repo("api").push(at, vec![Commit::new("bob", ago(20)), Commit::new("bob", at)])
        });
        stage.good_cycle().await;
        let id = format!("commit:{}", late[0]);
        assert!(stage.ids().await.contains(&id), "{api:?}");
        stage.advance(INTERVAL);
        let at = stage.sim.now();
        stage.sim.edit(|world| world.org(ORG).repo("api").force_push(at, Some(base[0].as_str()), vec![]));
        stage.good_cycle().await;
        assert!(!stage.ids().await.contains(&id), "{api:?}");
        stage.assert_true("after the force-push").await;
    }
}

#[actix::test]
async fn what_is_deleted_after_a_restart_is_noticed_within_the_hour() {
    let simulator = simulator(options(PLENTY), |_| World::new());
    let config = config(&simulator, GithubApi::Graphql);
    let stage = Stage::new(simulator, &config);
    let now = stage.sim.now();
    let in_minutes = |minutes: i64| now + SignedDuration::from_mins(minutes);
    stage.sim.edit(|world| {
        let repo = world.org(ORG).create_repo("api", in_minutes(-9_000));
        repo.push(in_minutes(-500), vec![Commit::new("ada", in_minutes(-501))]);
        repo.pull_request(PullRequest::new("ada", in_minutes(-400)));
        repo.comment(1, github_sim::Comment::new("bob", in_minutes(-300)));
        let doomed = repo.comment(1, github_sim::Comment::new("eve", in_minutes(-290)));
        repo.delete_comment(doomed, in_minutes(7));
    });
    stage.good_cycle().await;
    stage.advance(INTERVAL);
    let stage = stage.restarted(&config);
    for _ in 0..14 {
        stage.good_cycle().await;
        stage.advance(INTERVAL);
    }
    stage.assert_true("an hour after the restart").await;
}
