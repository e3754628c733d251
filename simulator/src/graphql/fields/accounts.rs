//! `Organization`, `User`, `Bot`.

use serde_json::Value;

use super::{leaf, root, small_id};
use crate::account::{AccountKind, OwnerAccount};
use crate::answers::users;
use crate::context::FoundRepository;
use crate::digest;
use crate::graphql::arguments::Arguments;
use crate::graphql::connection::{Connection, CursorPosition};
use crate::graphql::object::{Object, Resolution, Resolved};
use crate::graphql::scope::Scope;
use crate::numeric;

/// An account that owns repositories.
pub(super) fn account<'a>(
    scope: &Scope<'a>,
    account: &'a OwnerAccount,
    field: &str,
    arguments: &Arguments,
) -> Resolution<'a> {
    let id = numeric::account_id(account.ordinal);
    let prefix = if account.kind == AccountKind::Organization { "O_kgDO" } else { "U_kgDO" };
    Ok(match field {
        "databaseId" => small_id(id),
        "id" => leaf(digest::node_id(prefix, id)),
        "login" => leaf(account.login.as_str()),
        "repositories" => return repositories(scope, scope.repositories(account), arguments),
        "repository" => {
            let name = arguments.text("name").unwrap_or_default();
            return root::repository(scope, account.login(), name, arguments.flag("followRenames"));
        }
        _ => leaf(Value::Null),
    })
}

/// A user by login; one that owns repositories is resolved as an account.
pub(super) fn user<'a>(
    scope: &Scope<'a>,
    login: &'a str,
    field: &str,
    arguments: &Arguments,
) -> Resolution<'a> {
    let owner = scope.context.world.account(login).filter(|account| account.kind == AccountKind::User);
    if let Some(owner) = owner {
        return account(scope, owner, field, arguments);
    }
    Ok(match field {
        "databaseId" => small_id(users::user_id(login)),
        "id" => leaf(digest::node_id("U_kgDO", users::user_id(login))),
        "login" => leaf(login),
        "repositories" => return repositories(scope, [].into_iter(), arguments),
        _ => leaf(Value::Null),
    })
}

/// A bot by login without `[bot]`.
pub(super) fn bot<'a>(login: &str, field: &str) -> Resolved<'a> {
    let id = users::user_id(&format!("{login}[bot]"));
    match field {
        "databaseId" => small_id(id),
        "id" => leaf(digest::node_id("BOT_kgDO", id)),
        _ => leaf(login),
    }
}

fn repositories<'a>(
    scope: &Scope<'a>,
    all: impl Iterator<Item = FoundRepository<'a>>,
    arguments: &Arguments,
) -> Resolution<'a> {
    let now = scope.context.now;
    let is = |name: &str, value: bool| arguments.flag(name).is_none_or(|wanted| wanted == value);
    let visibility = arguments.text("visibility").or(arguments.text("privacy"));
    let shown = all.filter(|FoundRepository { repo, .. }| {
        let own = if repo.private { "PRIVATE" } else { "PUBLIC" };
        is("isFork", repo.fork) && is("isArchived", repo.archived) && visibility.is_none_or(|one| one == own)
    });
    let (by, ascending) = arguments.order("CREATED_AT");
    let position = |found: FoundRepository<'a>| {
        let (repo, id) = (found.repo, found.repo.id());
        let position = match by {
            "NAME" => CursorPosition::Name(repo.name_at(now).to_lowercase(), id),
            "PUSHED_AT" | "UPDATED_AT" => CursorPosition::Number(repo.pushed_at(now).as_second(), id),
            "CREATED_AT" => CursorPosition::Number(repo.created_at.as_second(), id),
            _ => CursorPosition::Number(0, id),
        };
        (position, Object::Repository(found))
    };
    let items = shown.map(position).collect();
    Connection::of("RepositoryConnection", "repositories", arguments, items, ascending)
        .map(Resolved::connection)
}
