//! The commit graph of a repository.

use std::collections::{BinaryHeap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use crate::commit::Commit;

/// How many walks are remembered before all are forgotten: enough for a poller that follows a branch.
const REMEMBERED_WALKS: usize = 64;

/// A commit in its graph.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) sha: String,
    pub(crate) commit: Commit,
    pub(crate) parents: Vec<u32>,
    /// Longest path to a root: greater than that of every ancestor, whatever the dates say.
    pub(crate) generation: u32,
    /// When GitHub first received it.
    pub(crate) pushed_at: Timestamp,
}

/// Everything reachable from one commit.
#[derive(Debug)]
pub(crate) struct Reach {
    /// In the order of `git log`: the newest committer date among the commits whose child was shown.
    pub(crate) order: Vec<u32>,
    member: Vec<bool>,
}

impl Reach {
    pub(crate) fn contains(&self, index: u32) -> bool {
        self.member.get(index as usize).copied().unwrap_or(false)
    }
}

/// Commits and their parents; grows, never shrinks.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    nodes: Vec<Node>,
    by_sha: HashMap<String, u32>,
    walks: Mutex<HashMap<u32, Arc<Reach>>>,
}

impl Clone for Graph {
    fn clone(&self) -> Self {
        Self { nodes: self.nodes.clone(), by_sha: self.by_sha.clone(), walks: Mutex::default() }
    }
}

impl Graph {
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn node(&self, index: u32) -> &Node {
        &self.nodes[index as usize]
    }

    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub(crate) fn find(&self, sha: &str) -> Option<u32> {
        self.by_sha.get(sha).copied()
    }

    /// Adds a commit on top of `parents`; one that is already there only becomes known earlier.
    pub(crate) fn add(&mut self, sha: String, commit: Commit, parents: Vec<u32>, at: Timestamp) -> u32 {
        if let Some(index) = self.find(&sha) {
            let node = &mut self.nodes[index as usize];
            node.pushed_at = node.pushed_at.min(at);
            return index;
        }
        let index = u32::try_from(self.nodes.len()).expect("fewer than 2^32 commits");
        let generation = parents.iter().map(|p| self.node(*p).generation + 1).max().unwrap_or(0);
        self.by_sha.insert(sha.clone(), index);
        self.nodes.push(Node { sha, commit, parents, generation, pushed_at: at });
        index
    }

    /// Everything reachable from `head`, remembered for the next page of the same walk.
    pub(crate) fn reach(&self, head: u32) -> Arc<Reach> {
        let mut walks = self.walks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = walks.get(&head) {
            return Arc::clone(known);
        }
        if walks.len() >= REMEMBERED_WALKS {
            walks.clear();
        }
        let reach = Arc::new(self.walk(head));
        walks.insert(head, Arc::clone(&reach));
        reach
    }

    fn walk(&self, head: u32) -> Reach {
        let mut member = vec![false; self.nodes.len()];
        let mut order = Vec::new();
        let mut front = BinaryHeap::new();
        member[head as usize] = true;
        front.push(self.rank(head));
        while let Some((_, _, index)) = front.pop() {
            order.push(index);
            for parent in &self.node(index).parents {
                if !std::mem::replace(&mut member[*parent as usize], true) {
                    front.push(self.rank(*parent));
                }
            }
        }
        Reach { order, member }
    }

    fn rank(&self, index: u32) -> (Timestamp, u32, u32) {
        let node = self.node(index);
        (node.commit.committed_at, node.generation, index)
    }

    /// The common ancestor that is no ancestor of another one.
    pub(crate) fn merge_base(&self, a: &Reach, b: &Reach) -> Option<u32> {
        let common = a.order.iter().copied().filter(|index| b.contains(*index));
        common.max_by_key(|index| self.node(*index).generation)
    }
}
