//! The fields of every type.

mod accounts;
mod commits;
mod conversations;
mod repositories;
mod reviews_and_comments;
mod root;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::arguments::Arguments;
use super::object::{Object, Resolution, Resolved};
use super::scope::Scope;
use crate::stamp;

/// Resolves a field of `object`. Validation admits only fields of the served schema.
pub(crate) fn resolve<'a>(
    scope: &Scope<'a>,
    object: &Object<'a>,
    field: &str,
    arguments: &Arguments,
) -> Resolution<'a> {
    match object {
        Object::Query => root::query(scope, field, arguments),
        Object::RateLimit => Ok(root::rate_limit(scope, field)),
        Object::OwnerAccount(account) => accounts::account(scope, account, field, arguments),
        Object::User(login) => accounts::user(scope, login, field, arguments),
        Object::Bot(login) => Ok(accounts::bot(login, field)),
        Object::Repository(found) => repositories::repository(scope, *found, field, arguments),
        Object::Ref(found, branch, head) => Ok(repositories::reference(*found, branch, *head, field)),
        Object::Commit(found, index) => commits::commit(scope, *found, *index, field, arguments),
        Object::GitActor(node, committer) => Ok(commits::actor(node, *committer, field)),
        Object::PullRequest(found, number) => conversations::pull(scope, *found, *number, field, arguments),
        Object::Issue(found, number) => conversations::issue(scope, *found, *number, field, arguments),
        Object::Review(found, review) => Ok(reviews_and_comments::review(*found, review, field)),
        Object::Comment(found, comment) => Ok(reviews_and_comments::comment(scope, *found, comment, field)),
        Object::PageInfo(connection) => Ok(Resolved::Leaf(connection.info(field))),
        Object::Edge(connection, nth) => Ok(match field {
            "cursor" => Resolved::Leaf(connection.cursor(*nth)),
            _ => Resolved::One(connection.items.get(*nth).map(|(_, item)| item.clone())),
        }),
        Object::Connection(connection) => Ok(match field {
            "pageInfo" => Resolved::object(Object::PageInfo(connection.clone())),
            "nodes" => Resolved::Many(connection.items.iter().map(|(_, item)| Ok(item.clone())).collect()),
            "edges" => {
                let edge = |nth| Ok(Object::Edge(connection.clone(), nth));
                Resolved::Many((0..connection.items.len()).map(edge).collect())
            }
            "totalDiskUsage" => Resolved::Leaf(json!(0)),
            _ => Resolved::Leaf(json!(connection.total)),
        }),
    }
}

/// A value.
fn leaf<'a>(value: impl Into<Value>) -> Resolved<'a> {
    Resolved::Leaf(value.into())
}

/// A time, as GitHub writes it.
fn time<'a>(at: Timestamp) -> Resolved<'a> {
    leaf(stamp::text(at))
}

/// A time, or null if the event has not happened.
fn maybe_time<'a>(at: Option<Timestamp>) -> Resolved<'a> {
    at.map_or(Resolved::Leaf(Value::Null), time)
}

/// An id as `Int`: null if it exceeds 31 bits, which is why GitHub has `fullDatabaseId`.
fn small_id<'a>(id: u64) -> Resolved<'a> {
    leaf(i32::try_from(id).map_or(Value::Null, |id| json!(id)))
}

/// An id as `BigInt`, which is serialized as a string.
fn full_id<'a>(id: u64) -> Resolved<'a> {
    leaf(id.to_string())
}
