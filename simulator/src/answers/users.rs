//! Users as they appear in responses.

use serde_json::{Value, json};

use crate::account::{AccountKind, OwnerAccount};
use crate::digest;
use crate::numeric;

/// The login GitHub shows for a deleted account on issues and pull requests.
const GHOST: &str = "ghost";

/// A user by login: `name[bot]` is a bot, anything else a user.
pub(crate) fn user(base: &str, login: &str) -> Value {
    let kind = if login.ends_with("[bot]") { "Bot" } else { "User" };
    simple_user(base, login, user_id(login), kind)
}

/// The author of an issue or pull request: a deleted account is `ghost`.
pub(crate) fn user_or_ghost(base: &str, login: Option<&str>) -> Value {
    user(base, login.unwrap_or(GHOST))
}

/// The author of a review or comment: a deleted account is null.
pub(crate) fn user_or_null(base: &str, login: Option<&str>) -> Value {
    login.map_or(Value::Null, |login| user(base, login))
}

/// The owner of repositories.
pub(crate) fn owner(base: &str, account: &OwnerAccount) -> Value {
    let kind = match account.kind {
        AccountKind::Organization => "Organization",
        AccountKind::User => "User",
    };
    simple_user(base, &account.login, numeric::account_id(account.ordinal), kind)
}

/// A user's id, derived from the login so that it is the same in every world.
pub(crate) fn user_id(login: &str) -> u64 {
    match login {
        GHOST => 10_137,
        login => 20_000_000 + digest::hash64(&["user", &login.to_lowercase()]) % 200_000_000,
    }
}

/// The contributor's association with the account, as GitHub names it.
pub(crate) fn association(login: Option<&str>) -> &'static str {
    match login {
        Some(login) if !login.ends_with("[bot]") => "MEMBER",
        _ => "NONE",
    }
}

fn simple_user(base: &str, login: &str, id: u64, kind: &str) -> Value {
    let path = login.replace('[', "%5B").replace(']', "%5D");
    let url = format!("{base}/users/{path}");
    json!({
        "login": login,
        "id": id,
        "node_id": digest::node_id(if kind == "Bot" { "BOT_kgDO" } else { "U_kgDO" }, id),
        "avatar_url": format!("{base}/avatars/{id}"),
        "gravatar_id": "",
        "url": url,
        "html_url": format!("{base}/html/{path}"),
        "followers_url": format!("{url}/followers"),
        "following_url": format!("{url}/following{{/other_user}}"),
        "gists_url": format!("{url}/gists{{/gist_id}}"),
        "starred_url": format!("{url}/starred{{/owner}}{{/repo}}"),
        "subscriptions_url": format!("{url}/subscriptions"),
        "organizations_url": format!("{url}/orgs"),
        "repos_url": format!("{url}/repos"),
        "events_url": format!("{url}/events{{/privacy}}"),
        "received_events_url": format!("{url}/received_events"),
        "type": kind,
        "user_view_type": "public",
        "site_admin": false,
    })
}
