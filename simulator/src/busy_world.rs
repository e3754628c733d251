//! Generated worlds with continuous activity, past and future.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::comment::Comment;
use crate::commit::Commit;
use crate::issue::Issue;
use crate::pull_request::PullRequest;
use crate::repository::Repository;
use crate::review::{Review, ReviewState};
use crate::stamp;
use crate::world::GithubWorld;

const NAMES: [&str; 16] = [
    "api",
    "web",
    "worker",
    "infra",
    "docs",
    "cli",
    "sdk",
    "auth",
    "billing",
    "search",
    "mobile",
    "gateway",
    "scheduler",
    "storage",
    "metrics",
    "examples",
];

const PEOPLE: [&str; 20] = [
    "ada", "alan", "barbara", "carl", "dennis", "edsger", "frances", "grace", "hedy", "ivan", "joan", "ken",
    "leslie", "margaret", "niklaus", "ole", "radia", "sophie", "tony", "vint",
];

const BOTS: [&str; 2] = ["dependabot[bot]", "release-please[bot]"];

/// Settings of a generated world with continuous activity.
#[derive(Debug, Clone)]
pub struct BusyWorld {
    /// The same seed and time generate the same world.
    pub seed: u64,
    /// The organisation's login.
    pub org: String,
    /// Number of repositories.
    pub repos: usize,
    /// Number of users, in addition to two bots.
    pub users: usize,
    /// How far back the history goes.
    pub past: SignedDuration,
    /// How far ahead events are generated; they become visible as time passes.
    pub future: SignedDuration,
    /// Events per hour before now.
    pub past_events_per_hour: f64,
    /// Events per minute from now on.
    pub future_events_per_minute: f64,
    /// Whether some comments are deleted later.
    pub deletions: bool,
}

impl Default for BusyWorld {
    fn default() -> Self {
        Self {
            seed: 1,
            org: "acme".to_owned(),
            repos: 8,
            users: 14,
            past: SignedDuration::from_hours(28 * 24),
            future: SignedDuration::from_hours(48),
            past_events_per_hour: 8.0,
            future_events_per_minute: 4.0,
            deletions: true,
        }
    }
}

/// A world with weeks of history before `now` and events for the following days.
pub fn generate_busy_world(busy_world: BusyWorld, now: Timestamp) -> GithubWorld {
    let mut world = GithubWorld::new();
    populate_busy_world(&mut world, busy_world, now);
    world
}

/// Adds an organisation with continuous activity to a world.
pub fn populate_busy_world(world: &mut GithubWorld, busy_world: BusyWorld, now: Timestamp) {
    let start = now.saturating_sub(busy_world.past).unwrap_or(now);
    let end = now.saturating_add(busy_world.future).unwrap_or(now);
    let mut generator = ActivityGenerator::new(&busy_world, world, start);
    let mut at = start;
    while at < end {
        let per_hour = if at < now {
            busy_world.past_events_per_hour
        } else {
            busy_world.future_events_per_minute * 60.0
        };
        generator.generate_event(world, at);
        let next = stamp::plus(at, generator.seconds_to_next_event(per_hour));
        // The slower pace of the past must not leave the first minutes from now on empty.
        at = if at < now { next.min(now) } else { next };
    }
}

/// Generates events, and keeps what later events can refer to.
struct ActivityGenerator {
    rng: StdRng,
    org: String,
    repositories: Vec<RepositoryActivity>,
    people: Vec<String>,
    deletions: bool,
}

/// The open pull requests, conversations and comments of one repository.
struct RepositoryActivity {
    name: String,
    open_pull_request: VecDeque<u64>,
    conversations: Vec<u64>,
    comments: Vec<u64>,
}

impl ActivityGenerator {
    fn new(busy_world: &BusyWorld, world: &mut GithubWorld, start: Timestamp) -> Self {
        let people = (0..busy_world.users.max(1)).map(|nth| numbered(&PEOPLE, nth)).collect();
        let repositories: Vec<RepositoryActivity> =
            (0..busy_world.repos.max(1)).map(|nth| RepositoryActivity::new(numbered(&NAMES, nth))).collect();
        let rng = StdRng::seed_from_u64(busy_world.seed);
        let mut generator =
            Self { rng, org: busy_world.org.clone(), repositories, people, deletions: busy_world.deletions };
        for nth in 0..generator.repositories.len() {
            let commit = generator.commit(start);
            let repo = world.org(&generator.org).create_repo(&generator.repositories[nth].name, start);
            repo.push(start, vec![commit]);
        }
        generator
    }

    /// Seconds to the next event.
    fn seconds_to_next_event(&mut self, per_hour: f64) -> i64 {
        let mean = (3_600.0 / per_hour.max(0.001)).max(1.0);
        (self.rng.random_range(0.0..2.0 * mean) as i64).max(1)
    }

    fn generate_event(&mut self, world: &mut GithubWorld, at: Timestamp) {
        // Squaring prefers the first repositories, so that some are busy and some nearly idle.
        let place = self.rng.random_range(0.0..1.0_f64).powi(2) * self.repositories.len() as f64;
        let mut activity = self.repositories.swap_remove(place as usize);
        let repo = world.org(&self.org).repo(&activity.name);
        match self.rng.random_range(0..100) {
            0..35 => self.push(repo, at),
            35..50 => self.open_pull_request(repo, &mut activity, at),
            50..61 => self.merge(repo, &mut activity, at),
            61..77 => self.review(repo, &activity, at),
            77..93 => self.comment_on_conversation(repo, &mut activity, at),
            93..96 => self.issue(repo, &mut activity, at),
            96..98 => self.delete_last_comment(repo, &mut activity, at),
            98 => self.force_push(repo, at),
            _ => self.push_old(repo, at),
        }
        self.repositories.push(activity);
        let last = self.repositories.len() - 1;
        self.repositories.swap(place as usize, last);
    }

    fn push(&mut self, repo: &mut Repository, at: Timestamp) {
        let count = self.rng.random_range(1..=3);
        let commits = (0..count).rev().map(|nth| self.commit(stamp::plus(at, -20 * nth))).collect();
        repo.push(at, commits);
    }

    /// A commit of the last days that is pushed only now.
    fn push_old(&mut self, repo: &mut Repository, at: Timestamp) {
        let age = self.rng.random_range(3_600..4 * 86_400);
        let commit = self.commit(stamp::plus(at, -age));
        repo.push(at, vec![commit]);
    }

    /// A force-push that replaces the newest commit of the default branch.
    fn force_push(&mut self, repo: &mut Repository, at: Timestamp) {
        let head = repo.branch_at(&repo.default_branch, at);
        let onto = head.and_then(|head| repo.graph.node(head).parents.first().copied());
        let onto = onto.map(|parent| repo.graph.node(parent).sha.clone());
        let commit = self.commit(at);
        repo.force_push(at, onto.as_deref(), vec![commit]);
    }

    fn open_pull_request(&mut self, repo: &mut Repository, activity: &mut RepositoryActivity, at: Timestamp) {
        let pull = match self.actor() {
            Some(login) => PullRequest::new(&login, at),
            None => PullRequest::by_ghost(at),
        };
        let number = repo.pull_request(pull);
        activity.open_pull_request.push_back(number);
        activity.conversations.push(number);
    }

    /// Merges the oldest open pull request, in half of the cases by a merge commit.
    fn merge(&mut self, repo: &mut Repository, activity: &mut RepositoryActivity, at: Timestamp) {
        let Some(number) = activity.open_pull_request.pop_front() else {
            return self.open_pull_request(repo, activity, at);
        };
        let work = self.commit(stamp::plus(at, -60));
        if self.rng.random_bool(0.5) {
            let branch = format!("change-{number}");
            let shas = repo.push_to(&branch, stamp::plus(at, -30), vec![work]);
            let merger = self.person();
            repo.push(at, vec![Commit::merge(&merger, at, &shas[0]).lines(7, 3)]);
        } else {
            repo.push(at, vec![work]);
        }
        repo.merge_pull_request(number, at);
    }

    fn review(&mut self, repo: &mut Repository, activity: &RepositoryActivity, at: Timestamp) {
        let Some(number) =
            self.random_index(activity.open_pull_request.len()).map(|nth| activity.open_pull_request[nth])
        else {
            return self.push(repo, at);
        };
        let state = match self.rng.random_range(0..10) {
            0 => ReviewState::Pending,
            1..=2 => ReviewState::ChangesRequested,
            3..=5 => ReviewState::Commented,
            _ => ReviewState::Approved,
        };
        let review = match self.actor() {
            Some(login) => Review::new(&login, state, at),
            None => Review::by_ghost(state, at),
        };
        repo.review(number, review);
    }

    fn comment_on_conversation(
        &mut self,
        repo: &mut Repository,
        activity: &mut RepositoryActivity,
        at: Timestamp,
    ) {
        let Some(nth) = self.random_index(activity.conversations.len()) else {
            return self.issue(repo, activity, at);
        };
        let comment = match self.actor() {
            Some(login) => Comment::new(&login, at),
            None => Comment::by_ghost(at),
        };
        activity.comments.push(repo.comment(activity.conversations[nth], comment));
    }

    fn issue(&mut self, repo: &mut Repository, activity: &mut RepositoryActivity, at: Timestamp) {
        let generator = self.person();
        activity.conversations.push(repo.issue(Issue::new(&generator, at)));
    }

    /// Deletes the last remaining comment.
    fn delete_last_comment(
        &mut self,
        repo: &mut Repository,
        activity: &mut RepositoryActivity,
        at: Timestamp,
    ) {
        match activity.comments.pop().filter(|_| self.deletions) {
            Some(id) => _ = repo.delete_comment(id, at),
            None => self.push(repo, at),
        }
    }

    fn commit(&mut self, at: Timestamp) -> Commit {
        let commit = match self.rng.random_range(0..20) {
            0 => Commit::unlinked(at),
            1..=2 => Commit::new(BOTS[self.rng.random_range(0..BOTS.len())], at),
            _ => Commit::new(&self.person(), at),
        };
        let lines = (self.rng.random_range(1..200), self.rng.random_range(0..80));
        commit.lines(lines.0, lines.1).files(self.rng.random_range(1..6))
    }

    /// A user, a bot or, rarely, a deleted account.
    fn actor(&mut self) -> Option<String> {
        match self.rng.random_range(0..30) {
            0 => None,
            1..=3 => Some(BOTS[self.rng.random_range(0..BOTS.len())].to_owned()),
            _ => Some(self.person()),
        }
    }

    fn person(&mut self) -> String {
        let nth = self.rng.random_range(0..self.people.len());
        self.people[nth].clone()
    }

    /// A random index below `count`; `None` if that is 0.
    fn random_index(&mut self, count: usize) -> Option<usize> {
        (count > 0).then(|| self.rng.random_range(0..count))
    }
}

impl RepositoryActivity {
    fn new(name: String) -> Self {
        Self { name, open_pull_request: VecDeque::new(), conversations: Vec::new(), comments: Vec::new() }
    }
}

/// The n-th name, with a number appended beyond the end of the list.
fn numbered(names: &[&str], nth: usize) -> String {
    match nth / names.len() {
        0 => names[nth].to_owned(),
        round => format!("{}-{}", names[nth % names.len()], round + 1),
    }
}
