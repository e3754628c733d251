//! Made-up worlds in which much is going on, now and in the time to come.

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
use crate::world::World;

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

/// How lively a made-up world is.
#[derive(Debug, Clone)]
pub struct Lively {
    /// The same seed and time make the same world.
    pub seed: u64,
    /// The organisation's login.
    pub org: String,
    /// Number of repositories.
    pub repos: usize,
    /// Number of people, besides two bots.
    pub users: usize,
    /// How far back the history goes.
    pub past: SignedDuration,
    /// How far ahead events are laid out, to appear as time passes.
    pub future: SignedDuration,
    /// Events an hour before now.
    pub past_events_per_hour: f64,
    /// Events a minute from now on.
    pub future_events_per_minute: f64,
    /// Whether comments are deleted again.
    pub deletions: bool,
}

impl Default for Lively {
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

/// A lively world: weeks of history before `now`, and events for the days to come.
pub fn generate(lively: Lively, now: Timestamp) -> World {
    let mut world = World::new();
    populate(&mut world, lively, now);
    world
}

/// Adds a lively organisation to a world.
pub fn populate(world: &mut World, lively: Lively, now: Timestamp) {
    let start = now.saturating_sub(lively.past).unwrap_or(now);
    let end = now.saturating_add(lively.future).unwrap_or(now);
    let mut author = Author::new(&lively, world, start);
    let mut at = start;
    while at < end {
        let per_hour =
            if at < now { lively.past_events_per_hour } else { lively.future_events_per_minute * 60.0 };
        author.happen(world, at);
        let next = stamp::plus(at, author.pause(per_hour));
        // The quiet pace of the past must not leave the first minutes from now on empty.
        at = if at < now { next.min(now) } else { next };
    }
}

/// Writes what happens, and remembers what it can refer to.
struct Author {
    rng: StdRng,
    org: String,
    plots: Vec<Plot>,
    people: Vec<String>,
    deletions: bool,
}

/// What is going on in one repository.
struct Plot {
    name: String,
    open: VecDeque<u64>,
    conversations: Vec<u64>,
    comments: Vec<u64>,
}

impl Author {
    fn new(lively: &Lively, world: &mut World, start: Timestamp) -> Self {
        let people = (0..lively.users.max(1)).map(|nth| numbered(&PEOPLE, nth)).collect();
        let plots: Vec<Plot> = (0..lively.repos.max(1)).map(|nth| Plot::new(numbered(&NAMES, nth))).collect();
        let rng = StdRng::seed_from_u64(lively.seed);
        let mut author = Self { rng, org: lively.org.clone(), plots, people, deletions: lively.deletions };
        for nth in 0..author.plots.len() {
            let commit = author.commit(start);
            let repo = world.org(&author.org).create_repo(&author.plots[nth].name, start);
            repo.push(start, vec![commit]);
        }
        author
    }

    /// Seconds to the next event.
    fn pause(&mut self, per_hour: f64) -> i64 {
        let mean = (3_600.0 / per_hour.max(0.001)).max(1.0);
        (self.rng.random_range(0.0..2.0 * mean) as i64).max(1)
    }

    fn happen(&mut self, world: &mut World, at: Timestamp) {
        // The square prefers the first repositories: some are busy, some are nearly asleep.
        let place = self.rng.random_range(0.0..1.0_f64).powi(2) * self.plots.len() as f64;
        let mut plot = self.plots.swap_remove(place as usize);
        let repo = world.org(&self.org).repo(&plot.name);
        match self.rng.random_range(0..100) {
            0..35 => self.push(repo, at),
            35..50 => self.open(repo, &mut plot, at),
            50..61 => self.merge(repo, &mut plot, at),
            61..77 => self.review(repo, &plot, at),
            77..93 => self.remark(repo, &mut plot, at),
            93..96 => self.issue(repo, &mut plot, at),
            96..98 => self.retract(repo, &mut plot, at),
            98 => self.rewrite(repo, at),
            _ => self.push_old(repo, at),
        }
        self.plots.push(plot);
        let last = self.plots.len() - 1;
        self.plots.swap(place as usize, last);
    }

    fn push(&mut self, repo: &mut Repository, at: Timestamp) {
        let count = self.rng.random_range(1..=3);
        let commits = (0..count).rev().map(|nth| self.commit(stamp::plus(at, -20 * nth))).collect();
        repo.push(at, commits);
    }

    /// Work of the last days, committed then and pushed only now.
    fn push_old(&mut self, repo: &mut Repository, at: Timestamp) {
        let age = self.rng.random_range(3_600..4 * 86_400);
        let commit = self.commit(stamp::plus(at, -age));
        repo.push(at, vec![commit]);
    }

    /// A force-push that replaces the newest commit of the default branch.
    fn rewrite(&mut self, repo: &mut Repository, at: Timestamp) {
        let head = repo.branch_at(&repo.default_branch, at);
        let onto = head.and_then(|head| repo.graph.node(head).parents.first().copied());
        let onto = onto.map(|parent| repo.graph.node(parent).sha.clone());
        let commit = self.commit(at);
        repo.force_push(at, onto.as_deref(), vec![commit]);
    }

    fn open(&mut self, repo: &mut Repository, plot: &mut Plot, at: Timestamp) {
        let pull = match self.someone() {
            Some(login) => PullRequest::new(&login, at),
            None => PullRequest::by_ghost(at),
        };
        let number = repo.pull_request(pull);
        plot.open.push_back(number);
        plot.conversations.push(number);
    }

    /// Merges the oldest open pull request, half of the time by a merge commit.
    fn merge(&mut self, repo: &mut Repository, plot: &mut Plot, at: Timestamp) {
        let Some(number) = plot.open.pop_front() else {
            return self.open(repo, plot, at);
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

    fn review(&mut self, repo: &mut Repository, plot: &Plot, at: Timestamp) {
        let Some(number) = self.one_of(plot.open.len()).map(|nth| plot.open[nth]) else {
            return self.push(repo, at);
        };
        let state = match self.rng.random_range(0..10) {
            0 => ReviewState::Pending,
            1..=2 => ReviewState::ChangesRequested,
            3..=5 => ReviewState::Commented,
            _ => ReviewState::Approved,
        };
        let review = match self.someone() {
            Some(login) => Review::new(&login, state, at),
            None => Review::by_ghost(state, at),
        };
        repo.review(number, review);
    }

    fn remark(&mut self, repo: &mut Repository, plot: &mut Plot, at: Timestamp) {
        let Some(nth) = self.one_of(plot.conversations.len()) else {
            return self.issue(repo, plot, at);
        };
        let comment = match self.someone() {
            Some(login) => Comment::new(&login, at),
            None => Comment::by_ghost(at),
        };
        plot.comments.push(repo.comment(plot.conversations[nth], comment));
    }

    fn issue(&mut self, repo: &mut Repository, plot: &mut Plot, at: Timestamp) {
        let author = self.person();
        plot.conversations.push(repo.issue(Issue::new(&author, at)));
    }

    /// Deletes the last comment that is left.
    fn retract(&mut self, repo: &mut Repository, plot: &mut Plot, at: Timestamp) {
        match plot.comments.pop().filter(|_| self.deletions) {
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

    /// A person, a bot or, seldom, a deleted account.
    fn someone(&mut self) -> Option<String> {
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

    /// One of so many, or none of none.
    fn one_of(&mut self, count: usize) -> Option<usize> {
        (count > 0).then(|| self.rng.random_range(0..count))
    }
}

impl Plot {
    fn new(name: String) -> Self {
        Self { name, open: VecDeque::new(), conversations: Vec::new(), comments: Vec::new() }
    }
}

/// The nth name; beyond the list with a number behind.
fn numbered(names: &[&str], nth: usize) -> String {
    match nth / names.len() {
        0 => names[nth].to_owned(),
        round => format!("{}-{}", names[nth % names.len()], round + 1),
    }
}
