//! The commit graph of a repository.

use std::collections::{BinaryHeap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use crate::commit::Commit;

/// How many walks are cached before the cache is cleared: enough for a client that polls a branch.
const CACHED_WALKS: usize = 64;

/// A commit in the graph.
#[derive(Debug, Clone)]
pub(crate) struct CommitNode {
    pub(crate) sha: String,
    pub(crate) commit: Commit,
    pub(crate) parents: Vec<u32>,
    /// Length of the longest path to a root: greater than that of every ancestor, regardless of
    /// dates.
    pub(crate) generation: u32,
    /// When GitHub first received it.
    pub(crate) pushed_at: Timestamp,
}

/// Everything reachable from one commit.
#[derive(Debug)]
pub(crate) struct ReachableCommits {
    /// In the order of `git log`: next is the newest committer date among the commits whose child
    /// was listed.
    pub(crate) order: Vec<u32>,
    member: Vec<bool>,
}

impl ReachableCommits {
    pub(crate) fn contains(&self, index: u32) -> bool {
        self.member.get(index as usize).copied().unwrap_or(false)
    }
}

/// Commits and their parents; grows, never shrinks.
#[derive(Debug, Default)]
pub(crate) struct CommitGraph {
    nodes: Vec<CommitNode>,
    by_sha: HashMap<String, u32>,
    cached_walks: Mutex<HashMap<u32, Arc<ReachableCommits>>>,
}

impl Clone for CommitGraph {
    fn clone(&self) -> Self {
        Self { nodes: self.nodes.clone(), by_sha: self.by_sha.clone(), cached_walks: Mutex::default() }
    }
}

impl CommitGraph {
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn node(&self, index: u32) -> &CommitNode {
        &self.nodes[index as usize]
    }

    pub(crate) fn nodes(&self) -> &[CommitNode] {
        &self.nodes
    }

    pub(crate) fn find(&self, sha: &str) -> Option<u32> {
        self.by_sha.get(sha).copied()
    }

    /// Adds a commit on top of `parents`. For one that already exists, only an earlier push time is
    /// recorded.
    pub(crate) fn add(&mut self, sha: String, commit: Commit, parents: Vec<u32>, at: Timestamp) -> u32 {
        if let Some(index) = self.find(&sha) {
            let node = &mut self.nodes[index as usize];
            node.pushed_at = node.pushed_at.min(at);
            return index;
        }
        let index = u32::try_from(self.nodes.len()).expect("fewer than 2^32 commits");
        let generation = parents.iter().map(|p| self.node(*p).generation + 1).max().unwrap_or(0);
        self.by_sha.insert(sha.clone(), index);
        self.nodes.push(CommitNode { sha, commit, parents, generation, pushed_at: at });
        index
    }

    /// Everything reachable from `head`, cached for the next page of the same walk.
    pub(crate) fn reach(&self, head: u32) -> Arc<ReachableCommits> {
        let mut cached_walks = self.cached_walks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cached) = cached_walks.get(&head) {
            return Arc::clone(cached);
        }
        if cached_walks.len() >= CACHED_WALKS {
            cached_walks.clear();
        }
        let reach = Arc::new(self.walk(head));
        cached_walks.insert(head, Arc::clone(&reach));
        reach
    }

    fn walk(&self, head: u32) -> ReachableCommits {
        let mut member = vec![false; self.nodes.len()];
        let mut order = Vec::new();
        let mut frontier = BinaryHeap::new();
        member[head as usize] = true;
        frontier.push(self.priority(head));
        while let Some((_, _, index)) = frontier.pop() {
            order.push(index);
            for parent in &self.node(index).parents {
                if !std::mem::replace(&mut member[*parent as usize], true) {
                    frontier.push(self.priority(*parent));
                }
            }
        }
        ReachableCommits { order, member }
    }

    fn priority(&self, index: u32) -> (Timestamp, u32, u32) {
        let node = self.node(index);
        (node.commit.committed_at, node.generation, index)
    }

    /// The common ancestor that is not an ancestor of another common ancestor.
    pub(crate) fn merge_base(&self, a: &ReachableCommits, b: &ReachableCommits) -> Option<u32> {
        let common = a.order.iter().copied().filter(|index| b.contains(*index));
        common.max_by_key(|index| self.node(*index).generation)
    }
}
