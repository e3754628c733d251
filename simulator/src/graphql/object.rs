//! Things that have fields.

use std::rc::Rc;

use crate::account::{Account, AccountKind};
use crate::comment::Comment;
use crate::context::Found;
use crate::graph::Node;
use crate::review::Review;

use super::connection::Connection;
use super::error::GraphqlError;

/// An object of the answer, before its fields are chosen.
#[derive(Debug, Clone)]
pub(crate) enum Object<'a> {
    /// The root.
    Query,
    /// What is left of the points.
    RateLimit,
    /// An owner of repositories.
    Account(&'a Account),
    /// A person by login, where GitHub's schema says `User`, even for a bot.
    User(&'a str),
    /// A bot by login, without `[bot]`.
    Bot(&'a str),
    /// A repository.
    Repository(Found<'a>),
    /// A branch and its head.
    Ref(Found<'a>, &'a str, u32),
    /// A commit by its place in the graph.
    Commit(Found<'a>, u32),
    /// The author of a commit, or its committer.
    GitActor(&'a Node, bool),
    /// A pull request by its number.
    PullRequest(Found<'a>, u64),
    /// An issue by its number.
    Issue(Found<'a>, u64),
    /// A review.
    Review(Found<'a>, &'a Review),
    /// A comment.
    Comment(Found<'a>, &'a Comment),
    /// A page of a list.
    Connection(Rc<Connection<'a>>),
    /// An item of a page, with its cursor.
    Edge(Rc<Connection<'a>>, usize),
    /// What there is besides a page.
    PageInfo(Rc<Connection<'a>>),
}

/// What a field holds.
#[derive(Debug)]
pub(crate) enum Resolved<'a> {
    /// A value without fields, which may be null.
    Leaf(serde_json::Value),
    /// An object, or null.
    One(Option<Object<'a>>),
    /// A list; an item that could not be had says why.
    Many(Vec<Result<Object<'a>, GraphqlError>>),
}

/// A field's content, or why there is none.
pub(crate) type Resolution<'a> = Result<Resolved<'a>, GraphqlError>;

impl<'a> Object<'a> {
    /// The name of its type.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Query => "Query",
            Self::RateLimit => "RateLimit",
            Self::Account(account) => match account.kind {
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

    /// Who did something: a bot is called without `[bot]` here; none for a deleted account.
    pub(crate) fn actor(login: Option<&'a str>) -> Option<Self> {
        login.map(|login| login.strip_suffix("[bot]").map_or(Self::User(login), Self::Bot))
    }
}

impl<'a> Resolved<'a> {
    /// An object that is there.
    pub(crate) fn object(object: Object<'a>) -> Self {
        Self::One(Some(object))
    }

    /// A page.
    pub(crate) fn connection(connection: Connection<'a>) -> Self {
        Self::object(Object::Connection(Rc::new(connection)))
    }
}
