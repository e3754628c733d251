//! The ground truth of a small world that is worked out by hand.

use std::collections::BTreeSet;

use github_sim::{
    BusyWorld, Comment, Commit, ExpectedFactKind, GithubWorld, GroundTruth, Issue, PullRequest, Review,
    ReviewState, generate_busy_world,
};
use jiff::{SignedDuration, Timestamp};

use crate::client::{get, start, time, walk};

/// A Wednesday: the last complete week is from the 8th to the 15th.
const NOW: &str = "2026-03-18T12:00:00Z";

fn world() -> GithubWorld {
    let mut world = GithubWorld::new();
    let repo = world.org("acme").repo("api");
    let day = |text: &str| time(&format!("2026-03-{text}:00Z"));
    let first = repo.push(day("08T00:00"), vec![Commit::new("ada", day("08T00:00")).lines(10, 1)]);
    let kept = repo.push(day("14T23:59"), vec![Commit::unlinked(day("14T23:59")).lines(5, 5)]);
    repo.push(day("15T00:00"), vec![Commit::new("ken", day("15T00:00")).lines(100, 100)]);
    repo.force_push(day("16T00:00"), Some(&kept[0]), vec![]);
    let pull = repo.pull_request(PullRequest::by_ghost(day("17T12:00")).merged_at(day("18T12:00")));
    repo.review(pull, Review::approved("grace", day("17T12:01")));
    repo.review(pull, Review::pending("grace", day("18T10:00")));
    repo.review(pull, Review::by_ghost(ReviewState::Commented, day("18T11:00")));
    let issue = repo.issue(Issue::new("ada", day("18T11:10")));
    repo.comment(issue, Comment::new("robot[bot]", day("18T11:20")));
    repo.comment(pull, Comment::new("ada", day("18T11:30")).deleted_at(day("18T11:45")));
    repo.comment(pull, Comment::new("ada", day("18T12:01")));
    repo.push(day("18T09:00"), vec![Commit::merge("ada", day("18T09:00"), &first[0]).lines(50, 50)]);
    world
}

#[test]
fn facts_are_what_has_happened_on_github() {
    let facts = GroundTruth::of(world()).facts(time(NOW));
    let rows: Vec<(ExpectedFactKind, &str, u64)> =
        facts.iter().map(|fact| (fact.kind, fact.user.as_str(), fact.additions)).collect();
    let of = |kind| {
        let mut some: Vec<_> = rows.iter().filter(|row| row.0 == kind).map(|row| (row.1, row.2)).collect();
        some.sort_unstable();
        some
    };
    // A merge adds no lines, and the force-push removed a commit.
    assert_eq!(of(ExpectedFactKind::Commit), [("ada", 0), ("ada", 10), ("unlinked", 5)]);
    assert_eq!(of(ExpectedFactKind::PrOpened), [("ghost", 0)]);
    assert_eq!(of(ExpectedFactKind::PrMerged), [("ghost", 0)]);
    assert_eq!(of(ExpectedFactKind::Review), [("ghost", 0), ("grace", 0)]);
    assert_eq!(of(ExpectedFactKind::IssueComment), [("robot[bot]", 0)]);
}

#[test]
fn gauges_are_sums_of_facts() {
    let (truth, now) = (GroundTruth::of(world()), time(NOW));
    let gauges = truth.gauges(now, SignedDuration::from_hours(24), Timestamp::UNIX_EPOCH);
    let value = |name: &'static str, user: &str| {
        gauges.get(&(name, "acme".to_owned(), "api".to_owned(), user.to_owned())).copied()
    };
    assert_eq!(value("gh_activity_commits_24h", "ada"), Some(1.0));
    assert_eq!(value("gh_activity_loc_added_weekly", "ada"), Some(10.0));
    assert_eq!(value("gh_activity_loc_removed_weekly", "unlinked"), Some(5.0));
    assert_eq!(value("gh_activity_commits_24h", "unlinked"), None);
    assert_eq!(value("gh_activity_loc_added_weekly", "ken"), None);
    assert_eq!(value("gh_activity_last_event_unixtime", "ken"), None);
    let week_ended = time("2026-03-14T23:59:00Z").as_second() as f64;
    assert_eq!(value("gh_activity_last_event_unixtime", "unlinked"), Some(week_ended));
    // Opened exactly a day ago: excluded. Merged in this second: included.
    assert_eq!(value("gh_activity_prs_opened_24h", "ghost"), Some(0.0));
    assert_eq!(value("gh_activity_prs_merged_24h", "ghost"), Some(1.0));
    assert_eq!(value("gh_activity_reviews_submitted_24h", "grace"), Some(1.0));
    assert_eq!(value("gh_activity_issue_comments_24h", "robot[bot]"), Some(1.0));
    assert_eq!(value("gh_activity_commits_24h", "robot[bot]"), Some(0.0));
    let recent = truth.gauges(now, SignedDuration::from_hours(24), time("2026-03-15T00:00:01Z"));
    assert!(recent.keys().all(|(_, _, _, user)| user != "ken" && user != "unlinked"));
}

#[test]
fn on_a_sunday_the_week_that_just_ended_counts() {
    let gauges =
        |now| GroundTruth::of(world()).gauges(time(now), SignedDuration::ZERO, Timestamp::UNIX_EPOCH);
    let added = |now| {
        let key = ("gh_activity_loc_added_weekly", "acme".to_owned(), "api".to_owned(), "ada".to_owned());
        gauges(now).get(&key).copied()
    };
    assert_eq!(added("2026-03-14T23:59:59Z"), None);
    assert_eq!(added("2026-03-15T00:00:00Z"), Some(10.0));
    assert_eq!(added("2026-03-22T00:00:00Z"), None);
}

#[test]
fn responses_and_ground_truth_of_a_busy_world_agree() {
    let now = time(NOW);
    let busy_world = || BusyWorld { repos: 3, ..BusyWorld::default() };
    let (truth, again) = (
        GroundTruth::of(generate_busy_world(busy_world(), now)),
        GroundTruth::of(generate_busy_world(busy_world(), now)),
    );
    let facts = truth.facts(now);
    assert_eq!(facts, again.facts(now));
    let later = truth.facts(now + SignedDuration::from_hours(1));
    assert!(later.len() > facts.len() + 60, "{} then {}", facts.len(), later.len());
    let soon = truth.facts(now + SignedDuration::from_mins(5));
    assert!(soon.len() > facts.len(), "nothing happens in five minutes");
    let users: BTreeSet<&str> = facts.iter().map(|fact| fact.user.as_str()).collect();
    assert!(users.contains("unlinked") && users.contains("ghost") && users.contains("dependabot[bot]"));
    let simulator = start(generate_busy_world(busy_world(), now), NOW);
    let ids = |target: &str, key: &str| -> BTreeSet<String> {
        let items = walk(&simulator, target).0;
        items
            .iter()
            .map(|item| item[key].as_str().map_or_else(|| item[key].to_string(), str::to_owned))
            .collect()
    };
    let known = |kind: ExpectedFactKind, repo: &str| -> BTreeSet<String> {
        let of = facts.iter().filter(|fact| fact.kind == kind && fact.repo == repo);
        of.map(|fact| fact.id.clone()).collect()
    };
    for repo in ["api", "web", "worker"] {
        assert_eq!(get(&simulator, &format!("/repos/acme/{repo}")).status, 200);
        let root = format!("/repos/acme/{repo}");
        assert_eq!(
            ids(&format!("{root}/commits?per_page=100"), "sha"),
            known(ExpectedFactKind::Commit, repo)
        );
        assert_eq!(
            ids(&format!("{root}/issues/comments"), "id"),
            known(ExpectedFactKind::IssueComment, repo)
        );
        assert_eq!(
            ids(&format!("{root}/pulls?state=all"), "number"),
            known(ExpectedFactKind::PrOpened, repo)
        );
    }
}
