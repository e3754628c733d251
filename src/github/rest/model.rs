//! The fields of REST responses that are read.

use github_stats_actors::activity::{LocChange, Timestamp};
use serde::Deserialize;

use crate::github::account::Account;
use crate::github::time_format::{optional_time, time};

#[derive(Debug, Deserialize)]
pub struct Repository {
    pub node_id: String,
    pub name: String,
    #[serde(default, deserialize_with = "optional_time")]
    pub pushed_at: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
pub struct Commit {
    pub sha: String,
    pub author: Option<Account>,
    pub commit: GitCommit,
    #[serde(default)]
    pub parents: Vec<Parent>,
    pub stats: Option<Stats>,
}

impl Commit {
    /// Its added and deleted lines, if the response names them; zero for a merge.
    pub fn lines(&self) -> LocChange {
        let stats = self.stats.filter(|_| self.parents.len() < 2).unwrap_or_default();
        LocChange { additions: stats.additions, deletions: stats.deletions }
    }
}

#[derive(Debug, Deserialize)]
pub struct Parent {}

#[derive(Debug, Deserialize)]
pub struct GitCommit {
    pub committer: Option<Signature>,
    pub author: Option<Signature>,
}

#[derive(Debug, Deserialize)]
pub struct Signature {
    #[serde(default, deserialize_with = "optional_time")]
    pub date: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Stats {
    #[serde(default)]
    pub additions: u64,
    #[serde(default)]
    pub deletions: u64,
}

/// A contributor in the weekly statistics of a repository.
#[derive(Debug, Deserialize)]
pub struct Contributor {
    pub author: Option<Account>,
    #[serde(default)]
    pub weeks: Vec<Week>,
}

/// A contributor's week: its start in Unix time, additions, deletions and commits.
#[derive(Debug, Deserialize)]
pub struct Week {
    pub w: i64,
    #[serde(default)]
    pub a: i64,
    #[serde(default)]
    pub d: i64,
    #[serde(default)]
    pub c: u64,
}

#[derive(Debug, Deserialize)]
pub struct Comparison {
    pub status: String,
    #[serde(default)]
    pub commits: Vec<Commit>,
}

#[derive(Debug, Deserialize)]
pub struct PullRequest {
    pub number: u64,
    pub user: Option<Account>,
    #[serde(deserialize_with = "time")]
    pub created_at: Timestamp,
    #[serde(deserialize_with = "time")]
    pub updated_at: Timestamp,
    #[serde(default, deserialize_with = "optional_time")]
    pub merged_at: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
pub struct Review {
    pub id: u64,
    pub user: Option<Account>,
    #[serde(default)]
    pub state: String,
    #[serde(default, deserialize_with = "optional_time")]
    pub submitted_at: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
pub struct Comment {
    pub id: u64,
    pub user: Option<Account>,
    #[serde(deserialize_with = "time")]
    pub created_at: Timestamp,
}
