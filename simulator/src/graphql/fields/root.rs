//! `Query` and `RateLimit`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::leaf;
use crate::account::{AccountKind, OwnerAccount};
use crate::context::{FoundRepository, Lookup};
use crate::graphql::arguments::Arguments;
use crate::graphql::error::GraphqlError;
use crate::graphql::object::{Object, Resolution, Resolved};
use crate::graphql::scope::Scope;
use crate::graphql::{nodes, search};

/// Maximum number of ids in one query.
const MOST_IDS: usize = 100;

pub(super) fn query<'a>(scope: &Scope<'a>, field: &str, arguments: &Arguments) -> Resolution<'a> {
    let text = |name: &str| arguments.text(name).unwrap_or_default();
    let login = text("login");
    match field {
        "node" => node(scope, text("id")).map(Resolved::object),
        "nodes" => nodes(scope, &arguments.texts("ids").unwrap_or_default()),
        "organization" => account(scope, login, Some(AccountKind::Organization), "an Organization"),
        "user" => account(scope, login, Some(AccountKind::User), "a User"),
        "repositoryOwner" => Ok(account(scope, login, None, "an owner").unwrap_or(Resolved::One(None))),
        "repository" => repository(scope, text("owner"), text("name"), arguments.flag("followRenames")),
        "search" => search::search(scope, arguments),
        "viewer" => {
            Ok(Resolved::object(Object::User(scope.context.token.map_or("nobody", |token| token.login()))))
        }
        _ => Ok(Resolved::object(Object::RateLimit)),
    }
}

pub(super) fn rate_limit<'a>(scope: &Scope<'a>, field: &str) -> Resolved<'a> {
    let rate_limit_status = scope.rate_limit_status;
    leaf(match field {
        "cost" => json!(scope.cost.points()),
        "limit" => json!(rate_limit_status.limit),
        "nodeCount" => json!(scope.cost.nodes),
        "remaining" => json!(rate_limit_status.remaining()),
        "used" => json!(rate_limit_status.used),
        _ => Timestamp::from_second(rate_limit_status.reset)
            .map_or(Value::Null, |at| json!(crate::stamp::text(at))),
    })
}

/// A repository by its current name or, unless `followRenames` is false, by a former one.
pub(super) fn repository<'a>(
    scope: &Scope<'a>,
    owner: &str,
    name: &str,
    follow: Option<bool>,
) -> Resolution<'a> {
    let account: Option<&'a OwnerAccount> = scope.context.world.account(owner);
    let found = account.and_then(|account| match scope.context.find(account, name) {
        Lookup::Current(repo) => Some(FoundRepository { account, repo }),
        Lookup::Renamed(repo) if follow != Some(false) => Some(FoundRepository { account, repo }),
        _ => None,
    });
    let message = format!("Could not resolve to a Repository with the name '{owner}/{name}'.");
    let found = found.ok_or_else(|| GraphqlError::new("NOT_FOUND", message))?;
    Ok(Resolved::object(Object::Repository(found)))
}

fn account<'a>(scope: &Scope<'a>, login: &str, kind: Option<AccountKind>, what: &str) -> Resolution<'a> {
    let account = scope.context.world.account(login).filter(|account| scope.context.sees_owner(account));
    let account = account.filter(|account| kind.is_none_or(|kind| account.kind == kind));
    let message = format!("Could not resolve to {what} with the login of '{login}'.");
    account
        .map(|account| Resolved::object(Object::OwnerAccount(account)))
        .ok_or_else(|| GraphqlError::new("NOT_FOUND", message))
}

fn node<'a>(scope: &Scope<'a>, id: &str) -> Result<Object<'a>, GraphqlError> {
    let message = format!("Could not resolve to a node with the global id of '{id}'.");
    nodes::find(scope, id).ok_or_else(|| GraphqlError::new("NOT_FOUND", message))
}

fn nodes<'a>(scope: &Scope<'a>, ids: &[&str]) -> Resolution<'a> {
    if ids.len() > MOST_IDS {
        let message =
            format!("You may not provide more than {MOST_IDS} node ids; you provided {}.", ids.len());
        return Err(GraphqlError::new("ARGUMENT_LIMIT", message));
    }
    Ok(Resolved::Many(ids.iter().map(|id| node(scope, id)).collect()))
}
