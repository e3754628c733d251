//! What a complete collector must find, computed the naive way.
//!
//! It shares no code with the endpoints but reads the world directly, so that it cannot repeat
//! their mistakes.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use jiff::{SignedDuration, Timestamp};

use crate::expected_gauges::{self, ExpectedGauges};
use crate::repository::Repository;
use crate::review::ReviewState;
use crate::world::GithubWorld;

/// The kinds of fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExpectedFactKind {
    /// A commit reachable from the default branch.
    Commit,
    /// A pull request was opened.
    PrOpened,
    /// A pull request was merged.
    PrMerged,
    /// A review was submitted.
    Review,
    /// A comment on an issue or a pull request's conversation was written.
    IssueComment,
}

impl ExpectedFactKind {
    /// The name of the kind in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::PrOpened => "pr_opened",
            Self::PrMerged => "pr_merged",
            Self::Review => "review",
            Self::IssueComment => "issue_comment",
        }
    }
}

/// An event that a collector must find.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExpectedFact {
    /// Login of the repository's owner.
    pub org: String,
    /// Node id of the repository.
    pub repo_id: String,
    /// The kind of event.
    pub kind: ExpectedFactKind,
    /// The id within the kind: a commit's object name, a pull request's number, or a REST id.
    pub id: String,
    /// Current name of the repository.
    pub repo: String,
    /// Login, `name[bot]`, `unlinked` or `ghost`.
    pub user: String,
    /// When it happened.
    pub at: Timestamp,
    /// Lines added; 0 unless it is a commit.
    pub additions: u64,
    /// Lines deleted; 0 unless it is a commit.
    pub deletions: u64,
}

/// The facts and gauges of a world.
#[derive(Debug, Clone)]
pub struct GroundTruth(Arc<RwLock<GithubWorld>>);

impl GroundTruth {
    /// The ground truth of a world that is not served.
    pub fn of(world: GithubWorld) -> Self {
        Self(Arc::new(RwLock::new(world)))
    }

    pub(crate) fn following(world: Arc<RwLock<GithubWorld>>) -> Self {
        Self(world)
    }

    /// All facts at `now`, sorted.
    pub fn facts(&self, now: Timestamp) -> Vec<ExpectedFact> {
        let world = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut facts = Vec::new();
        for account in world.accounts() {
            for repo in account.repositories() {
                let deleted = repo.deleted_at.is_some_and(|at| at <= now);
                if repo.created_at <= now && !deleted {
                    FactCollector { org: &account.login, repo, now, facts: &mut facts }.collect();
                }
            }
        }
        facts.sort();
        facts
    }

    /// The activity gauges of every organisation at `now`, over facts at or after `history_floor`.
    pub fn gauges(
        &self,
        now: Timestamp,
        active_window: SignedDuration,
        history_floor: Timestamp,
    ) -> ExpectedGauges {
        let facts = self.facts(now);
        expected_gauges::of(facts.iter().filter(|fact| fact.at >= history_floor), now, active_window)
    }
}

/// Collects the facts of one repository.
struct FactCollector<'a> {
    org: &'a str,
    repo: &'a Repository,
    now: Timestamp,
    facts: &'a mut Vec<ExpectedFact>,
}

impl FactCollector<'_> {
    fn collect(mut self) {
        self.commits();
        self.pulls();
        self.reviews();
        self.comments();
    }

    fn add(&mut self, kind: ExpectedFactKind, id: String, user: &str, at: Timestamp, lines: (u64, u64)) {
        let name = self.repo.names.iter().rfind(|(given, _)| *given <= self.now);
        self.facts.push(ExpectedFact {
            org: self.org.to_owned(),
            repo_id: self.repo.node_id(),
            kind,
            id,
            repo: name.map_or(String::new(), |(_, name)| name.clone()),
            user: user.to_owned(),
            at,
            additions: lines.0,
            deletions: lines.1,
        });
    }

    fn commits(&mut self) {
        let mut head = None;
        for update in &self.repo.refs {
            if update.branch == self.repo.default_branch && update.at <= self.now {
                head = Some(update.head);
            }
        }
        let mut seen = HashSet::new();
        let mut pending: Vec<u32> = head.into_iter().collect();
        while let Some(index) = pending.pop() {
            if !seen.insert(index) {
                continue;
            }
            let node = &self.repo.graph.nodes()[index as usize];
            let lines =
                if node.parents.len() > 1 { (0, 0) } else { (node.commit.additions, node.commit.deletions) };
            let user = node.commit.author.as_deref().unwrap_or("unlinked");
            self.add(ExpectedFactKind::Commit, node.sha.clone(), user, node.commit.committed_at, lines);
            pending.extend(&node.parents);
        }
    }

    fn pulls(&mut self) {
        for (number, pull) in &self.repo.pulls {
            let user = pull.author.as_deref().unwrap_or("ghost");
            if pull.created_at <= self.now {
                self.add(ExpectedFactKind::PrOpened, number.to_string(), user, pull.created_at, (0, 0));
            }
            if let Some(merged_at) = pull.merged_at.filter(|at| *at <= self.now) {
                self.add(ExpectedFactKind::PrMerged, number.to_string(), user, merged_at, (0, 0));
            }
        }
    }

    fn reviews(&mut self) {
        for review in &self.repo.reviews {
            if review.state != ReviewState::Pending && review.at <= self.now {
                let user = review.author.as_deref().unwrap_or("ghost");
                self.add(ExpectedFactKind::Review, review.id.to_string(), user, review.at, (0, 0));
            }
        }
    }

    fn comments(&mut self) {
        for comment in &self.repo.comments {
            let deleted = comment.deleted_at.is_some_and(|at| at <= self.now);
            if comment.created_at <= self.now && !deleted {
                let user = comment.author.as_deref().unwrap_or("ghost");
                self.add(
                    ExpectedFactKind::IssueComment,
                    comment.id.to_string(),
                    user,
                    comment.created_at,
                    (0, 0),
                );
            }
        }
    }
}
