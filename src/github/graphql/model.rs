//! The fields of GraphQL responses that are read. Anything may be null; an error then says why.

use github_stats_actors::activity::Timestamp;
use serde::Deserialize;

use crate::github::time_format::{optional_time, time};

/// A list; `nodes` contains a null for each item that is missing.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Connection<T> {
    #[serde(default)]
    pub page_info: PageInfo,
    #[serde(default = "Vec::new")]
    pub nodes: Vec<Option<T>>,
    #[serde(default)]
    pub issue_count: usize,
}

impl<T> Default for Connection<T> {
    fn default() -> Self {
        Connection { page_info: PageInfo::default(), nodes: Vec::new(), issue_count: 0 }
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PageInfo {
    pub has_next_page: bool,
    pub end_cursor: Option<String>,
    pub has_previous_page: bool,
    pub start_cursor: Option<String>,
}

impl PageInfo {
    /// The cursor of the next page.
    pub fn next(&self) -> Option<String> {
        self.end_cursor.clone().filter(|_| self.has_next_page)
    }

    /// The cursor of the previous page.
    pub fn previous(&self) -> Option<String> {
        self.start_cursor.clone().filter(|_| self.has_previous_page)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PollData {
    pub repository_owner: Option<Owner>,
    #[serde(default)]
    pub search: Option<Connection<Conversation>>,
}

#[derive(Debug, Deserialize)]
pub struct Owner {
    #[serde(rename = "__typename")]
    pub kind: Option<String>,
    pub repositories: Connection<Repository>,
}

#[derive(Debug, Deserialize)]
pub struct SearchData {
    pub search: Connection<Conversation>,
}

#[derive(Debug, Deserialize)]
pub struct NodesData<T> {
    #[serde(default = "Vec::new")]
    pub nodes: Vec<Option<T>>,
}

#[derive(Debug, Deserialize)]
pub struct NodeData<T> {
    pub node: Option<T>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Repository {
    pub id: Option<String>,
    pub name: Option<String>,
    #[serde(default, deserialize_with = "optional_time")]
    pub pushed_at: Option<Timestamp>,
    pub default_branch_ref: Option<Branch>,
    pub object: Option<Target>,
    pub pull_requests: Option<Connection<Conversation>>,
    pub issues: Option<Connection<Conversation>>,
}

#[derive(Debug, Deserialize)]
pub struct Branch {
    pub target: Option<Target>,
}

#[derive(Debug, Deserialize)]
pub struct Target {
    pub oid: Option<String>,
    pub history: Option<Connection<Commit>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Commit {
    pub oid: String,
    #[serde(deserialize_with = "time")]
    pub committed_date: Timestamp,
    #[serde(default)]
    pub additions: u64,
    #[serde(default)]
    pub deletions: u64,
    #[serde(default)]
    pub parents: Connection<Parent>,
    pub author: Option<GitActor>,
}

#[derive(Debug, Deserialize)]
pub struct Parent {
    pub oid: String,
}

#[derive(Debug, Deserialize)]
pub struct GitActor {
    pub user: Option<Actor>,
}

#[derive(Debug, Deserialize)]
pub struct Actor {
    #[serde(rename = "__typename")]
    pub kind: Option<String>,
    pub login: Option<String>,
}

/// A pull request or an issue.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Conversation {
    #[serde(rename = "__typename")]
    pub kind: Option<String>,
    pub id: Option<String>,
    #[serde(default)]
    pub number: u64,
    #[serde(default, deserialize_with = "optional_time")]
    pub created_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "optional_time")]
    pub merged_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "optional_time")]
    pub updated_at: Option<Timestamp>,
    pub author: Option<Actor>,
    pub repository: Option<Named>,
    pub reviews: Option<Connection<ReviewOrComment>>,
    pub comments: Option<Connection<ReviewOrComment>>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Named {
    pub id: String,
    pub name: String,
}

/// A review or a comment.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReviewOrComment {
    pub id: String,
    pub full_database_id: Option<BigInt>,
    pub state: Option<String>,
    #[serde(default, deserialize_with = "optional_time")]
    pub created_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "optional_time")]
    pub submitted_at: Option<Timestamp>,
    pub author: Option<Actor>,
}

/// GitHub's `BigInt`, which it serialises as text; numbers are accepted too.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum BigInt {
    Text(String),
    Number(u64),
}

impl BigInt {
    /// Its value; `None` if the text is not a number.
    pub fn get(&self) -> Option<u64> {
        match self {
            BigInt::Text(text) => text.parse().ok(),
            BigInt::Number(number) => Some(*number),
        }
    }
}

/// A node of which only the existence matters.
#[derive(Debug, Deserialize)]
pub struct ExistingNode {}
