//! A repository and everything that ever happens in it.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use crate::comment::Comment;
use crate::commit::Commit;
use crate::commit_graph::CommitGraph;
use crate::digest;
use crate::issue::Issue;
use crate::pull_request::PullRequest;
use crate::review::Review;
use crate::stamp;

/// Ids of reviews, comments, issues and pull requests start here: they exceed 31 bits, as GitHub's
/// do.
const FIRST_ID: u64 = 2_200_000_000;

/// REST ids of repositories start here.
const FIRST_REPOSITORY: u64 = 700_000_000;

/// Number of ids of one kind that are reserved for one repository.
const IDS: u64 = 1_000_000;

/// Ids of issues, among those of pull requests, start here.
const FIRST_ISSUE: usize = 500_000;

/// An update of a branch to another commit.
#[derive(Debug, Clone)]
pub(crate) struct RefUpdate {
    pub(crate) at: Timestamp,
    pub(crate) branch: String,
    pub(crate) head: u32,
}

/// A repository. Every event in it has a time.
#[derive(Debug, Clone)]
pub struct Repository {
    pub(crate) ordinal: u64,
    /// Names and the times they were given, oldest first.
    pub(crate) names: Vec<(Timestamp, String)>,
    pub(crate) created_at: Timestamp,
    pub(crate) deleted_at: Option<Timestamp>,
    pub(crate) default_branch: String,
    pub(crate) private: bool,
    pub(crate) fork: bool,
    pub(crate) archived: bool,
    pub(crate) graph: CommitGraph,
    /// Ordered by time.
    pub(crate) refs: Vec<RefUpdate>,
    pub(crate) pulls: BTreeMap<u64, PullRequest>,
    pub(crate) issues: BTreeMap<u64, Issue>,
    pub(crate) reviews: Vec<Review>,
    pub(crate) comments: Vec<Comment>,
    /// Indices into `reviews` and `comments`, by number of the issue or pull request.
    reviews_by_number: HashMap<u64, Vec<usize>>,
    comments_by_number: HashMap<u64, Vec<usize>>,
}

impl Repository {
    pub(crate) fn new(ordinal: u64, name: &str, created_at: Timestamp) -> Self {
        Self {
            ordinal,
            names: vec![(created_at, name.to_owned())],
            created_at,
            deleted_at: None,
            default_branch: "main".to_owned(),
            private: false,
            fork: false,
            archived: false,
            graph: CommitGraph::default(),
            refs: Vec::new(),
            pulls: BTreeMap::new(),
            issues: BTreeMap::new(),
            reviews: Vec::new(),
            comments: Vec::new(),
            reviews_by_number: HashMap::new(),
            comments_by_number: HashMap::new(),
        }
    }

    /// The REST id.
    pub fn id(&self) -> u64 {
        FIRST_REPOSITORY + self.ordinal
    }

    /// The node id, which stays the same when the repository is renamed.
    pub fn node_id(&self) -> String {
        digest::node_id("R_kgDO", self.id())
    }

    /// The name at `now`.
    pub fn name_at(&self, now: Timestamp) -> &str {
        let given = self.names.iter().rev().find(|(at, _)| *at <= now);
        given.map_or(self.names[0].1.as_str(), |(_, name)| name)
    }

    /// The head of the default branch at `now`.
    pub fn head_at(&self, now: Timestamp) -> Option<&str> {
        self.branch_at(&self.default_branch, now).map(|index| self.graph.node(index).sha.as_str())
    }

    /// Sets when it was created.
    pub fn created_at(&mut self, at: Timestamp) -> &mut Self {
        self.created_at = stamp::whole(at);
        self.names[0].0 = self.created_at;
        self
    }

    /// Makes it private.
    pub fn private(&mut self) -> &mut Self {
        self.private = true;
        self
    }

    /// Makes it a fork.
    pub fn fork(&mut self) -> &mut Self {
        self.fork = true;
        self
    }

    /// Makes it archived.
    pub fn archived(&mut self) -> &mut Self {
        self.archived = true;
        self
    }

    /// Renames it at `at`; the old name redirects from then on.
    pub fn rename(&mut self, at: Timestamp, name: &str) -> &mut Self {
        self.names.push((stamp::whole(at), name.to_owned()));
        self.names.sort_by_key(|(at, _)| *at);
        self
    }

    /// Deletes it at `at`.
    pub fn delete(&mut self, at: Timestamp) -> &mut Self {
        self.deleted_at = Some(stamp::whole(at));
        self
    }

    /// Pushes commits (oldest first) to the default branch at `at`; returns their object names in
    /// the same order.
    pub fn push(&mut self, at: Timestamp, commits: Vec<Commit>) -> Vec<String> {
        let branch = self.default_branch.clone();
        self.push_to(&branch, at, commits)
    }

    /// Pushes commits to a branch; a new branch starts at the head of the default branch.
    pub fn push_to(&mut self, branch: &str, at: Timestamp, commits: Vec<Commit>) -> Vec<String> {
        let at = stamp::whole(at);
        let onto = self.branch_at(branch, at).or_else(|| self.branch_at(&self.default_branch, at));
        self.stack(branch, at, onto, commits)
    }

    /// Force-pushes `commits` on top of `onto` (`None` for a root) to the default branch at `at`.
    ///
    /// Without commits the branch is reset to `onto`.
    ///
    /// # Panics
    /// When `onto` is not a commit of this repository.
    pub fn force_push(&mut self, at: Timestamp, onto: Option<&str>, commits: Vec<Commit>) -> Vec<String> {
        let onto = onto.map(|sha| self.graph.find(sha).unwrap_or_else(|| panic!("no commit {sha}")));
        let branch = self.default_branch.clone();
        self.stack(&branch, stamp::whole(at), onto, commits)
    }

    /// Opens a pull request; returns its number.
    pub fn pull_request(&mut self, pull: PullRequest) -> u64 {
        let number = pull.number.unwrap_or_else(|| self.next_number());
        self.pulls.insert(number, pull);
        number
    }

    /// Opens an issue; returns its number.
    pub fn issue(&mut self, issue: Issue) -> u64 {
        let number = issue.number.unwrap_or_else(|| self.next_number());
        self.issues.insert(number, issue);
        number
    }

    /// Adds a review to a pull request; returns its id.
    pub fn review(&mut self, number: u64, review: Review) -> u64 {
        let id = self.conversation_id(self.reviews.len());
        self.reviews_by_number.entry(number).or_default().push(self.reviews.len());
        self.reviews.push(Review { id, number, ..review });
        id
    }

    /// Adds a comment to an issue or a pull request; returns its id.
    pub fn comment(&mut self, number: u64, comment: Comment) -> u64 {
        let id = self.conversation_id(self.comments.len());
        self.comments_by_number.entry(number).or_default().push(self.comments.len());
        self.comments.push(Comment { id, number, ..comment });
        id
    }

    /// Deletes a comment at `at`; returns whether it exists.
    pub fn delete_comment(&mut self, id: u64, at: Timestamp) -> bool {
        let found = self.comments.iter_mut().find(|comment| comment.id == id);
        found.map(|comment| comment.deleted_at = Some(stamp::whole(at))).is_some()
    }

    /// Merges a pull request at `at`; returns whether it exists.
    pub fn merge_pull_request(&mut self, number: u64, at: Timestamp) -> bool {
        let at = Some(stamp::whole(at));
        let found = self.pulls.get_mut(&number);
        found.map(|pull| (pull.merged_at, pull.closed_at) = (at, at)).is_some()
    }

    /// The reviews of a pull request.
    pub(crate) fn reviews_of(&self, number: u64) -> impl Iterator<Item = &Review> {
        let indices = self.reviews_by_number.get(&number).into_iter().flatten();
        indices.map(|index| &self.reviews[*index])
    }

    /// The comments of an issue or a pull request.
    pub(crate) fn comments_of(&self, number: u64) -> impl Iterator<Item = &Comment> {
        let indices = self.comments_by_number.get(&number).into_iter().flatten();
        indices.map(|index| &self.comments[*index])
    }

    /// The id of a commit in GraphQL.
    pub(crate) fn commit_node_id(&self, sha: &str) -> String {
        format!("{}_{sha}", digest::node_id("C_kwDO", self.id()))
    }

    /// The id of a pull request, which differs from its number.
    pub(crate) fn pull_id(&self, number: u64) -> u64 {
        self.conversation_id(number as usize)
    }

    /// The id of an issue, which every pull request is as well.
    pub(crate) fn issue_id(&self, number: u64) -> u64 {
        self.conversation_id(FIRST_ISSUE + number as usize)
    }

    /// The number of the issue with this index among the repository's ids.
    pub(crate) fn issue_number(nth: usize) -> Option<u64> {
        nth.checked_sub(FIRST_ISSUE).map(|number| number as u64)
    }

    /// The ordinal of the repository with this REST id.
    pub(crate) fn ordinal_of(id: u64) -> Option<u64> {
        id.checked_sub(FIRST_REPOSITORY)
    }

    /// The ordinal of the repository that an id belongs to, and the index among its ids.
    pub(crate) fn index_of(id: u64) -> Option<(u64, usize)> {
        let id = id.checked_sub(FIRST_ID)?;
        Some((id / IDS, (id % IDS) as usize))
    }

    fn conversation_id(&self, nth: usize) -> u64 {
        FIRST_ID + self.ordinal * IDS + nth as u64
    }

    /// Whether it exists at `now`.
    pub(crate) fn exists(&self, now: Timestamp) -> bool {
        self.created_at <= now && self.deleted_at.is_none_or(|at| at > now)
    }

    /// The head of a branch at `now`.
    pub(crate) fn branch_at(&self, branch: &str, now: Timestamp) -> Option<u32> {
        self.update_at(branch, now).map(|update| update.head)
    }

    /// The last update of a branch at `now`.
    pub(crate) fn update_at(&self, branch: &str, now: Timestamp) -> Option<&RefUpdate> {
        let visible = &self.refs[..self.refs.partition_point(|update| update.at <= now)];
        visible.iter().rev().find(|update| update.branch == branch)
    }

    /// The last push before `now`; the creation, as on GitHub, if there is none.
    pub(crate) fn pushed_at(&self, now: Timestamp) -> Timestamp {
        let visible = self.refs.partition_point(|update| update.at <= now);
        visible.checked_sub(1).map_or(self.created_at, |last| self.refs[last].at)
    }

    fn stack(&mut self, branch: &str, at: Timestamp, onto: Option<u32>, commits: Vec<Commit>) -> Vec<String> {
        let mut head = onto;
        let mut shas = Vec::with_capacity(commits.len());
        for commit in commits {
            let index = self.add_commit(head, at, commit);
            shas.push(self.graph.node(index).sha.clone());
            head = Some(index);
        }
        if let Some(head) = head {
            let index = self.refs.partition_point(|update| update.at <= at);
            self.refs.insert(index, RefUpdate { at, branch: branch.to_owned(), head });
        }
        shas
    }

    fn add_commit(&mut self, onto: Option<u32>, at: Timestamp, commit: Commit) -> u32 {
        let merged = commit.merges.iter();
        let merged = merged.map(|sha| self.graph.find(sha).unwrap_or_else(|| panic!("no commit {sha}")));
        let parents: Vec<u32> = onto.into_iter().chain(merged).collect();
        let sha = commit.sha.clone().unwrap_or_else(|| {
            let (index, size) = (self.ordinal.to_string(), self.graph.len().to_string());
            let date = stamp::text(commit.committed_at);
            digest::sha(&[&index, &size, &date, commit.author.as_deref().unwrap_or("")])
        });
        self.graph.add(sha, commit, parents, at)
    }

    fn next_number(&self) -> u64 {
        let last = |keys: Option<&u64>| keys.copied().unwrap_or(0);
        last(self.pulls.keys().next_back()).max(last(self.issues.keys().next_back())) + 1
    }
}
