//! `Commit` and `GitActor`.

use serde_json::Value;

use super::{leaf, time};
use crate::answers::commits as rest;
use crate::commit_graph::CommitNode;
use crate::context::FoundRepository;
use crate::graphql::arguments::Arguments;
use crate::graphql::connection::{Connection, CursorPosition};
use crate::graphql::object::{Object, Resolution, Resolved};
use crate::graphql::scope::Scope;

pub(super) fn commit<'a>(
    scope: &Scope<'a>,
    found: FoundRepository<'a>,
    index: u32,
    field: &str,
    arguments: &Arguments,
) -> Resolution<'a> {
    let node = found.repo.graph.node(index);
    let commit = &node.commit;
    Ok(match field {
        "abbreviatedOid" => leaf(node.sha.get(..7).unwrap_or(&node.sha)),
        "oid" => leaf(node.sha.as_str()),
        "id" => leaf(found.repo.commit_node_id(&node.sha)),
        "additions" => leaf(commit.additions),
        "deletions" => leaf(commit.deletions),
        "changedFiles" | "changedFilesIfAvailable" => leaf(commit.files),
        "author" => Resolved::object(Object::GitActor(node, false)),
        "committer" => Resolved::object(Object::GitActor(node, true)),
        "authoredDate" => time(commit.authored_at),
        "committedDate" => time(commit.committed_at),
        "message" => leaf(commit.message.as_str()),
        "messageHeadline" => leaf(commit.message.lines().next().unwrap_or_default()),
        "repository" => Resolved::object(Object::Repository(found)),
        "parents" => return parents(found, node, arguments),
        _ => return history(scope, found, index, arguments),
    })
}

/// The author as git and GitHub know them. Here a bot is a `User` called `name[bot]`.
pub(super) fn actor<'a>(node: &'a CommitNode, committer: bool, field: &str) -> Resolved<'a> {
    let commit = &node.commit;
    let git = rest::git_user(commit.author.as_deref(), "");
    match field {
        "date" => time(if committer { commit.committed_at } else { commit.authored_at }),
        "user" => Resolved::One(commit.author.as_deref().map(Object::User)),
        name => leaf(git.get(name).cloned().unwrap_or(Value::Null)),
    }
}

fn parents<'a>(found: FoundRepository<'a>, node: &'a CommitNode, arguments: &Arguments) -> Resolution<'a> {
    let items = node.parents.iter().enumerate();
    let items =
        items.map(|(nth, parent)| (CursorPosition::Number(nth as i64, 0), Object::Commit(found, *parent)));
    let items = items.collect();
    Connection::of("CommitConnection", "parents", arguments, items, true).map(Resolved::connection)
}

/// In the order of `git log`. A cursor pins the head of the history it was taken from.
fn history<'a>(
    scope: &Scope<'a>,
    found: FoundRepository<'a>,
    head: u32,
    arguments: &Arguments,
) -> Resolution<'a> {
    let graph = &found.repo.graph;
    let (since, until) = (arguments.time("since"), arguments.time("until"));
    let pinned = arguments.text("after").and_then(|cursor| cursor.rsplit_once(':')?.1.parse().ok());
    let known =
        |index: &u32| (*index as usize) < graph.len() && graph.node(*index).pushed_at <= scope.context.now;
    let head = pinned.filter(known).unwrap_or(head);
    let wanted = |index: &u32| {
        let at = graph.node(*index).commit.committed_at;
        since.is_none_or(|since| at >= since) && until.is_none_or(|until| at <= until)
    };
    let reach = graph.reach(head);
    let shown = reach.order.iter().copied().filter(wanted).enumerate();
    let items = shown.map(|(nth, index)| {
        (CursorPosition::Number(nth as i64, u64::from(head)), Object::Commit(found, index))
    });
    let items = items.collect();
    Connection::of("CommitHistoryConnection", "history", arguments, items, true).map(Resolved::connection)
}
