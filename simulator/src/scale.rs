//! Large made-up worlds in which a steady share of the repositories changes.

use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::comment::Comment;
use crate::commit::Commit;
use crate::issue::Issue;
use crate::pull_request::PullRequest;
use crate::repository::Repository;
use crate::review::Review;
use crate::stamp;
use crate::world::World;

/// Seconds in which [`Scale::changed_share`] of the repositories change.
const SLOT: i64 = 300;

/// The whole of a change happens within so many seconds.
const CHANGE: i64 = 60;

/// How large a made-up world is, and how much of it changes.
#[derive(Debug, Clone)]
pub struct Scale {
    /// The same seed and time make the same world.
    pub seed: u64,
    /// The organisation's login.
    pub org: String,
    /// Number of repositories, below 100,000.
    pub repos: usize,
    /// Number of people.
    pub users: usize,
    /// The share of the repositories that changes every five minutes, in the past as in time to come.
    pub changed_share: f64,
    /// How far back changes go; before that every repository has two commits.
    pub past: SignedDuration,
    /// What happened before that.
    pub history: Option<History>,
    /// How far ahead changes are laid out.
    pub future: SignedDuration,
}

/// A livelier time before the steady one: a few repositories get most of it, as it is among people.
#[derive(Debug, Clone, Copy)]
pub struct History {
    /// How long it was.
    pub span: SignedDuration,
    /// Pushes in that time: one to six commits each; most with a pull request that is reviewed and talked about, some
    /// with an issue. About eight facts each.
    pub pushes: usize,
}

impl Default for Scale {
    fn default() -> Self {
        Self {
            seed: 1,
            org: "acme".to_owned(),
            repos: 1_000,
            users: 50,
            changed_share: 0.02,
            past: SignedDuration::from_hours(1),
            history: None,
            future: SignedDuration::from_hours(3),
        }
    }
}

/// A large world around `now`.
///
/// A repository that changes gets three commits, one and a half pull requests on average (each with a
/// review, the second ones merged), and one issue or, where there is one already, a comment on it.
pub fn scale(scale: &Scale, now: Timestamp) -> World {
    let mut world = World::new();
    let mut changes = Changes { rng: StdRng::seed_from_u64(scale.seed), users: scale.users.max(1), made: 0 };
    let start = now.saturating_sub(scale.past).unwrap_or(now);
    let created = scale.history.map_or(start, |history| start.saturating_sub(history.span).unwrap_or(start));
    let org = world.org(&scale.org);
    for nth in 0..scale.repos {
        // Their last pushes are spread over the week before.
        let at = stamp::plus(created, -60 - changes.rng.random_range(0..7 * 86_400));
        let commits = vec![changes.commit(stamp::plus(at, -60)), changes.commit(at)];
        org.create_repo(&format!("repo-{nth:05}"), stamp::plus(at, -3_600)).push(at, commits);
    }
    if let Some(History { span, pushes }) = scale.history {
        for push in 0..pushes {
            let at = stamp::plus(created, span.as_secs() * push as i64 / pushes as i64);
            let place = (changes.rng.random::<f64>().powi(3) * scale.repos as f64) as usize;
            changes.busy(&mut org.repositories[place], at);
        }
    }
    let share = (scale.repos as f64 * scale.changed_share).round() as usize;
    let slots = (scale.past.as_secs() + scale.future.as_secs()) / SLOT;
    for slot in 0..slots {
        let chosen = rand::seq::index::sample(&mut changes.rng, scale.repos, share.min(scale.repos));
        for place in chosen {
            let at = stamp::plus(start, slot * SLOT + changes.rng.random_range(3..SLOT - CHANGE));
            changes.happen(&mut org.repositories[place], at);
        }
    }
    world
}

/// Makes up changes, and counts them.
struct Changes {
    rng: StdRng,
    users: usize,
    made: usize,
}

impl Changes {
    fn happen(&mut self, repo: &mut Repository, at: Timestamp) {
        let commits = (0..3).map(|nth| self.commit(stamp::plus(at, nth - 2))).collect();
        repo.push(at, commits);
        let pull = repo.pull_request(PullRequest::new(&self.person(), stamp::plus(at, 10)));
        repo.review(pull, Review::approved(&self.person(), stamp::plus(at, 20)));
        if self.made % 2 == 1 {
            let end = stamp::plus(at, 50);
            let pull = PullRequest::new(&self.person(), stamp::plus(at, 30)).merged_at(end);
            let pull = repo.pull_request(pull);
            repo.review(pull, Review::approved(&self.person(), stamp::plus(at, 40)));
        }
        match repo.issues.keys().next().copied() {
            Some(issue) => _ = repo.comment(issue, Comment::new(&self.person(), stamp::plus(at, 45))),
            None => _ = repo.issue(Issue::new(&self.person(), stamp::plus(at, 45))),
        }
        self.made += 1;
    }

    /// A push with what people say about it within the next hours.
    fn busy(&mut self, repo: &mut Repository, at: Timestamp) {
        let count = self.rng.random_range(1..=6);
        let commits = (0..count).map(|nth| self.commit(stamp::plus(at, 60 * (nth - count)))).collect();
        repo.push(at, commits);
        if self.rng.random_bool(0.6) {
            let mut pull = PullRequest::new(&self.person(), at);
            if self.rng.random_bool(0.7) {
                pull = pull.merged_at(self.later(at));
            }
            let number = repo.pull_request(pull);
            for _ in 0..self.rng.random_range(1..=3) {
                repo.review(number, Review::approved(&self.person(), self.later(at)));
            }
            self.talk(repo, number, at);
        }
        if self.rng.random_bool(0.3) {
            let number = repo.issue(Issue::new(&self.person(), at));
            self.talk(repo, number, at);
        }
    }

    fn talk(&mut self, repo: &mut Repository, number: u64, at: Timestamp) {
        for _ in 0..self.rng.random_range(0..=4) {
            repo.comment(number, Comment::new(&self.person(), self.later(at)));
        }
    }

    fn later(&mut self, at: Timestamp) -> Timestamp {
        stamp::plus(at, self.rng.random_range(60..6 * 3_600))
    }

    fn commit(&mut self, at: Timestamp) -> Commit {
        let lines = (self.rng.random_range(1..100), self.rng.random_range(0..50));
        Commit::new(&self.person(), at).lines(lines.0, lines.1)
    }

    fn person(&mut self) -> String {
        format!("person-{}", self.rng.random_range(0..self.users))
    }
}
