//! Large generated worlds in which a constant share of the repositories changes.

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
use crate::world::GithubWorld;

/// Seconds in which [`LargeWorld::changed_share`] of the repositories change.
const SLOT: i64 = 300;

/// Seconds within which a change completes.
const CHANGE: i64 = 60;

/// Settings of a large generated world.
#[derive(Debug, Clone)]
pub struct LargeWorld {
    /// The same seed and time generate the same world.
    pub seed: u64,
    /// The organisation's login.
    pub org: String,
    /// Number of repositories, below 100,000.
    pub repos: usize,
    /// Number of users.
    pub users: usize,
    /// The share of the repositories that changes every five minutes, in the past and in the
    /// future.
    pub changed_share: f64,
    /// How far back changes go; before that, every repository has two commits.
    pub past: SignedDuration,
    /// Activity before that, if any.
    pub history: Option<EarlierActivity>,
    /// How far ahead changes are generated.
    pub future: SignedDuration,
}

/// A busier period before the constant changes, in which a few repositories have most of the
/// activity.
#[derive(Debug, Clone, Copy)]
pub struct EarlierActivity {
    /// Its length.
    pub span: SignedDuration,
    /// Number of pushes, of one to six commits each; most have a pull request with reviews and
    /// comments, some an issue. Each makes about eight facts.
    pub pushes: usize,
}

impl Default for LargeWorld {
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
/// A change consists of three commits, one and a half pull requests on average (each with a review,
/// every second one merged), and one issue or, if there is one already, a comment on it.
pub fn generate_large_world(settings: &LargeWorld, now: Timestamp) -> GithubWorld {
    let mut world = GithubWorld::new();
    let mut generator =
        ChangeGenerator { rng: StdRng::seed_from_u64(settings.seed), users: settings.users.max(1), made: 0 };
    let start = now.saturating_sub(settings.past).unwrap_or(now);
    let created =
        settings.history.map_or(start, |history| start.saturating_sub(history.span).unwrap_or(start));
    let org = world.org(&settings.org);
    for nth in 0..settings.repos {
        // The last pushes are spread over the week before.
        let at = stamp::plus(created, -60 - generator.rng.random_range(0..7 * 86_400));
        let commits = vec![generator.commit(stamp::plus(at, -60)), generator.commit(at)];
        org.create_repo(&format!("repo-{nth:05}"), stamp::plus(at, -3_600)).push(at, commits);
    }
    if let Some(EarlierActivity { span, pushes }) = settings.history {
        for push in 0..pushes {
            let at = stamp::plus(created, span.as_secs() * push as i64 / pushes as i64);
            let index = (generator.rng.random::<f64>().powi(3) * settings.repos as f64) as usize;
            generator.push_with_conversation(&mut org.repositories[index], at);
        }
    }
    let share = (settings.repos as f64 * settings.changed_share).round() as usize;
    let slots = (settings.past.as_secs() + settings.future.as_secs()) / SLOT;
    for slot in 0..slots {
        let chosen = rand::seq::index::sample(&mut generator.rng, settings.repos, share.min(settings.repos));
        for index in chosen {
            let at = stamp::plus(start, slot * SLOT + generator.rng.random_range(3..SLOT - CHANGE));
            generator.change(&mut org.repositories[index], at);
        }
    }
    world
}

/// Generates changes and counts them.
struct ChangeGenerator {
    rng: StdRng,
    users: usize,
    made: usize,
}

impl ChangeGenerator {
    fn change(&mut self, repo: &mut Repository, at: Timestamp) {
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

    /// A push with a pull request, reviews, comments and an issue within the next hours.
    fn push_with_conversation(&mut self, repo: &mut Repository, at: Timestamp) {
        let count = self.rng.random_range(1..=6);
        let commits = (0..count).map(|nth| self.commit(stamp::plus(at, 60 * (nth - count)))).collect();
        repo.push(at, commits);
        if self.rng.random_bool(0.6) {
            let mut pull = PullRequest::new(&self.person(), at);
            if self.rng.random_bool(0.7) {
                pull = pull.merged_at(self.within_hours_after(at));
            }
            let number = repo.pull_request(pull);
            for _ in 0..self.rng.random_range(1..=3) {
                repo.review(number, Review::approved(&self.person(), self.within_hours_after(at)));
            }
            self.comment_on(repo, number, at);
        }
        if self.rng.random_bool(0.3) {
            let number = repo.issue(Issue::new(&self.person(), at));
            self.comment_on(repo, number, at);
        }
    }

    fn comment_on(&mut self, repo: &mut Repository, number: u64, at: Timestamp) {
        for _ in 0..self.rng.random_range(0..=4) {
            repo.comment(number, Comment::new(&self.person(), self.within_hours_after(at)));
        }
    }

    fn within_hours_after(&mut self, at: Timestamp) -> Timestamp {
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
