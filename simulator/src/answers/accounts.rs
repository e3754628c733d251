//! `/orgs/{org}` and `/users/{user}`.

use serde_json::{Value, json};

use super::users;
use crate::account::{AccountKind, OwnerAccount};
use crate::context::Context;
use crate::digest;
use crate::http_response::{EndpointResult, HttpResponse};
use crate::numeric;
use crate::repository::Repository;
use crate::stamp;
use crate::world::GithubWorld;

/// `GET /orgs/{org}`
pub(crate) fn organization(context: &Context<'_>) -> EndpointResult {
    let account = context.account()?;
    if account.kind != AccountKind::Organization {
        return Err(HttpResponse::not_found());
    }
    let url = format!("{}/orgs/{}", context.base, account.login);
    let id = numeric::account_id(account.ordinal);
    Ok(HttpResponse::ok(&json!({
        "login": account.login,
        "id": id,
        "node_id": digest::node_id("O_kgDO", id),
        "url": url,
        "repos_url": format!("{url}/repos"),
        "events_url": format!("{url}/events"),
        "hooks_url": format!("{url}/hooks"),
        "issues_url": format!("{url}/issues"),
        "members_url": format!("{url}/members{{/member}}"),
        "public_members_url": format!("{url}/public_members{{/member}}"),
        "avatar_url": format!("{}/avatars/{id}", context.base),
        "description": null,
        "html_url": format!("{}/html/{}", context.base, account.login),
        "has_organization_projects": true,
        "has_repository_projects": true,
        "public_repos": public_repositories(context, account),
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "type": "Organization",
        "created_at": stamp::text(account.created_at),
        "updated_at": stamp::text(account.created_at),
        "archived_at": null,
    })))
}

/// `GET /users/{user}`
pub(crate) fn user(context: &Context<'_>) -> EndpointResult {
    let login = crate::query_string::decode(&context.route.owner);
    let account = context.world.account(&login);
    if account.is_none() && !is_mentioned(context.world, &login) {
        return Err(HttpResponse::not_found());
    }
    let mut body = match account {
        Some(account) => users::owner(context.base, account),
        None => users::user(context.base, &login),
    };
    let created_at = account.map_or(context.now, |account| account.created_at);
    let count = account.map_or(0, |account| public_repositories(context, account));
    let more = json!({
        "name": null, "company": null, "blog": null, "location": null, "email": null,
        "hireable": null, "bio": null, "public_repos": count, "public_gists": 0,
        "followers": 0, "following": 0,
        "created_at": stamp::text(created_at), "updated_at": stamp::text(created_at),
    });
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    Ok(HttpResponse::ok(&body))
}

fn public_repositories(context: &Context<'_>, account: &OwnerAccount) -> usize {
    let repos = account.repositories.iter();
    repos.filter(|repo| repo.exists(context.now) && !repo.private).count()
}

/// Whether this login is the author of anything.
fn is_mentioned(world: &GithubWorld, login: &str) -> bool {
    let same = |name: &Option<String>| name.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(login));
    let in_repo = |repo: &Repository| {
        repo.graph.nodes().iter().any(|node| same(&node.commit.author))
            || repo.pulls.values().any(|pull| same(&pull.author))
            || repo.issues.values().any(|issue| same(&issue.author))
            || repo.reviews.iter().any(|review| same(&review.author))
            || repo.comments.iter().any(|comment| same(&comment.author))
    };
    world.accounts().any(|account| account.repositories.iter().any(in_repo))
}
