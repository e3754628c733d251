//! What a collector that misses nothing must find, worked out the naive way.
//!
//! Shares no code with the answers: it reads the world's records directly, so that a mistake there
//! cannot hide here.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use jiff::{SignedDuration, Timestamp};

use crate::gauges::{self, Gauges};
use crate::repository::Repository;
use crate::review::ReviewState;
use crate::world::World;

/// The kinds of fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FactKind {
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

impl FactKind {
    /// Its name in records.
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

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fact {
    /// Login of the owner.
    pub org: String,
    /// Node id of the repository.
    pub repo_id: String,
    /// What happened.
    pub kind: FactKind,
    /// Its id within the kind: a commit's name, a number, a REST id.
    pub id: String,
    /// Name the repository has now.
    pub repo: String,
    /// Login, `name[bot]`, `unlinked` or `ghost`.
    pub user: String,
    /// When.
    pub at: Timestamp,
    /// Lines added; only commits have any.
    pub additions: u64,
    /// Lines deleted; only commits have any.
    pub deletions: u64,
}

/// The facts and gauges of a world.
#[derive(Debug, Clone)]
pub struct Truth(Arc<RwLock<World>>);

impl Truth {
    /// The truth about a world that is not served.
    pub fn of(world: World) -> Self {
        Self(Arc::new(RwLock::new(world)))
    }

    pub(crate) fn following(world: Arc<RwLock<World>>) -> Self {
        Self(world)
    }

    /// Every fact GitHub knows at `now`, ordered.
    pub fn facts(&self, now: Timestamp) -> Vec<Fact> {
        let world = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut facts = Vec::new();
        for account in world.accounts() {
            for repo in account.repositories() {
                let deleted = repo.deleted_at.is_some_and(|at| at <= now);
                if repo.created_at <= now && !deleted {
                    Collector { org: &account.login, repo, now, facts: &mut facts }.collect();
                }
            }
        }
        facts.sort();
        facts
    }

    /// The activity gauges of every organisation at `now`, over facts at or after `history_floor`.
    pub fn gauges(&self, now: Timestamp, active_window: SignedDuration, history_floor: Timestamp) -> Gauges {
        let facts = self.facts(now);
        gauges::of(facts.iter().filter(|fact| fact.at >= history_floor), now, active_window)
    }
}

/// Gathers the facts of one repository.
struct Collector<'a> {
    org: &'a str,
    repo: &'a Repository,
    now: Timestamp,
    facts: &'a mut Vec<Fact>,
}

impl Collector<'_> {
    fn collect(mut self) {
        self.commits();
        self.pulls();
        self.reviews();
        self.comments();
    }

    fn add(&mut self, kind: FactKind, id: String, user: &str, at: Timestamp, lines: (u64, u64)) {
        let name = self.repo.names.iter().rfind(|(given, _)| *given <= self.now);
        self.facts.push(Fact {
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
        let mut todo: Vec<u32> = head.into_iter().collect();
        while let Some(index) = todo.pop() {
            if !seen.insert(index) {
                continue;
            }
            let node = &self.repo.graph.nodes()[index as usize];
            let lines =
                if node.parents.len() > 1 { (0, 0) } else { (node.commit.additions, node.commit.deletions) };
            let user = node.commit.author.as_deref().unwrap_or("unlinked");
            self.add(FactKind::Commit, node.sha.clone(), user, node.commit.committed_at, lines);
            todo.extend(&node.parents);
        }
    }

    fn pulls(&mut self) {
        for (number, pull) in &self.repo.pulls {
            let user = pull.author.as_deref().unwrap_or("ghost");
            if pull.created_at <= self.now {
                self.add(FactKind::PrOpened, number.to_string(), user, pull.created_at, (0, 0));
            }
            if let Some(merged_at) = pull.merged_at.filter(|at| *at <= self.now) {
                self.add(FactKind::PrMerged, number.to_string(), user, merged_at, (0, 0));
            }
        }
    }

    fn reviews(&mut self) {
        for review in &self.repo.reviews {
            if review.state != ReviewState::Pending && review.at <= self.now {
                let user = review.author.as_deref().unwrap_or("ghost");
                self.add(FactKind::Review, review.id.to_string(), user, review.at, (0, 0));
            }
        }
    }

    fn comments(&mut self) {
        for comment in &self.repo.comments {
            let deleted = comment.deleted_at.is_some_and(|at| at <= self.now);
            if comment.created_at <= self.now && !deleted {
                let user = comment.author.as_deref().unwrap_or("ghost");
                self.add(FactKind::IssueComment, comment.id.to_string(), user, comment.created_at, (0, 0));
            }
        }
    }
}
