//! GraphQL objects and the values of their fields.

use std::rc::Rc;

use crate::account::{AccountKind, OwnerAccount};
use crate::comment::Comment;
use crate::commit_graph::CommitNode;
use crate::context::FoundRepository;
use crate::review::Review;

use super::connection::Connection;
use super::error::GraphqlError;

/// An object of the response, before its fields are selected.
#[derive(Debug, Clone)]
pub(crate) enum Object<'a> {
    /// The root object.
    Query,
    /// The rate limit.
    RateLimit,
    /// An owner of repositories.
    OwnerAccount(&'a OwnerAccount),
    /// A user by login, wherever GitHub's schema says `User`; may be a bot.
    User(&'a str),
    /// A bot by login, without `[bot]`.
    Bot(&'a str),
    /// A repository.
    Repository(FoundRepository<'a>),
    /// A branch and its head.
    Ref(FoundRepository<'a>, &'a str, u32),
    /// A commit by its index in the graph.
    Commit(FoundRepository<'a>, u32),
    /// The author of a commit, or its committer.
    GitActor(&'a CommitNode, bool),
    /// A pull request by its number.
    PullRequest(FoundRepository<'a>, u64),
    /// An issue by its number.
    Issue(FoundRepository<'a>, u64),
    /// A review.
    Review(FoundRepository<'a>, &'a Review),
    /// A comment.
    Comment(FoundRepository<'a>, &'a Comment),
    /// One page of a list.
    Connection(Rc<Connection<'a>>),
    /// An item of a page, with its cursor.
    Edge(Rc<Connection<'a>>, usize),
    /// Whether there are more pages, and their cursors.
    PageInfo(Rc<Connection<'a>>),
}

/// The value of a field.
#[derive(Debug)]
pub(crate) enum Resolved<'a> {
    /// A value without fields, which may be null.
    Leaf(serde_json::Value),
    /// An object, or null.
    One(Option<Object<'a>>),
    /// A list; an item that could not be resolved is an error.
    Many(Vec<Result<Object<'a>, GraphqlError>>),
}

/// The value of a field, or why it could not be resolved.
pub(crate) type Resolution<'a> = Result<Resolved<'a>, GraphqlError>;

impl<'a> Object<'a> {
    /// The name of its type.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Query => "Query",
            Self::RateLimit => "RateLimit",
            Self::OwnerAccount(account) => match account.kind {
                AccountKind::Organization => "Organization",
                AccountKind::User => "User",
            },
            Self::User(_) => "User",
            Self::Bot(_) => "Bot",
            Self::Repository(_) => "Repository",
            Self::Ref(..) => "Ref",
            Self::Commit(..) => "Commit",
            Self::GitActor(..) => "GitActor",
            Self::PullRequest(..) => "PullRequest",
            Self::Issue(..) => "Issue",
            Self::Review(..) => "PullRequestReview",
            Self::Comment(..) => "IssueComment",
            Self::Connection(connection) => connection.kind,
            Self::Edge(connection, _) => connection.edge_kind(),
            Self::PageInfo(_) => "PageInfo",
        }
    }

    /// An actor: bots are named without `[bot]` here; `None` for a deleted account.
    pub(crate) fn actor(login: Option<&'a str>) -> Option<Self> {
        login.map(|login| login.strip_suffix("[bot]").map_or(Self::User(login), Self::Bot))
    }
}

impl<'a> Resolved<'a> {
    /// An object that is not null.
    pub(crate) fn object(object: Object<'a>) -> Self {
        Self::One(Some(object))
    }

    /// A page of a list.
    pub(crate) fn connection(connection: Connection<'a>) -> Self {
        Self::object(Object::Connection(Rc::new(connection)))
    }
}
