//! `Repository` and `Ref`.

use serde_json::Value;

use super::{leaf, small_id, time};
use crate::answers::{commits, conversations as rest, pulls};
use crate::context::FoundRepository;
use crate::digest;
use crate::graphql::arguments::Arguments;
use crate::graphql::connection::{Connection, CursorPosition};
use crate::graphql::object::{Object, Resolution, Resolved};
use crate::graphql::scope::Scope;
use crate::token::Permission;

pub(super) fn repository<'a>(
    scope: &Scope<'a>,
    found: FoundRepository<'a>,
    field: &str,
    arguments: &Arguments,
) -> Resolution<'a> {
    let (repo, now) = (found.repo, scope.context.now);
    let name = || repo.name_at(now);
    let full_name = || format!("{}/{}", found.account.login, name());
    Ok(match field {
        "createdAt" => time(repo.created_at),
        "pushedAt" | "updatedAt" => time(repo.pushed_at(now)),
        "databaseId" => small_id(repo.id()),
        "id" => leaf(repo.node_id()),
        "name" => leaf(name()),
        "nameWithOwner" => leaf(full_name()),
        "url" => leaf(format!("{}/html/{}", scope.context.base, full_name())),
        "owner" => Resolved::object(Object::OwnerAccount(found.account)),
        "diskUsage" => leaf(repo.graph.len()),
        "isArchived" => leaf(repo.archived),
        "isDisabled" | "isLocked" => leaf(false),
        "isEmpty" => leaf(repo.head_at(now).is_none()),
        "isFork" => leaf(repo.fork),
        "isPrivate" => leaf(repo.private),
        "visibility" => leaf(if repo.private { "PRIVATE" } else { "PUBLIC" }),
        "defaultBranchRef" => branch(scope, found, &repo.default_branch)?,
        "ref" => branch(scope, found, arguments.text("qualifiedName").unwrap_or_default())?,
        "object" => object(scope, found, arguments)?,
        "pullRequest" => pull(scope, found, arguments)?,
        "issue" => issue(scope, found, arguments)?,
        "pullRequests" => return pull_requests(scope, found, arguments),
        _ => return issues(scope, found, arguments),
    })
}

pub(super) fn reference<'a>(
    found: FoundRepository<'a>,
    branch: &'a str,
    head: u32,
    field: &str,
) -> Resolved<'a> {
    match field {
        "id" => leaf(format!("{}:refs/heads/{branch}", digest::node_id("REF_kwDO", found.repo.id()))),
        "name" => leaf(branch),
        "prefix" => leaf("refs/heads/"),
        "repository" => Resolved::object(Object::Repository(found)),
        _ => Resolved::object(Object::Commit(found, head)),
    }
}

fn branch<'a>(scope: &Scope<'a>, found: FoundRepository<'a>, name: &str) -> Resolution<'a> {
    scope.permit(Permission::Contents)?;
    let name = name.strip_prefix("refs/heads/").unwrap_or(name);
    let update = found.repo.update_at(name, scope.context.now);
    Ok(Resolved::One(update.map(|update| Object::Ref(found, update.branch.as_str(), update.head))))
}

fn object<'a>(scope: &Scope<'a>, found: FoundRepository<'a>, arguments: &Arguments) -> Resolution<'a> {
    scope.permit(Permission::Contents)?;
    let wanted = arguments.text("oid").or(arguments.text("expression")).unwrap_or_default();
    let index = commits::resolve(scope.context, found.repo, wanted);
    Ok(Resolved::One(index.map(|index| Object::Commit(found, index))))
}

fn number(arguments: &Arguments) -> u64 {
    arguments.number("number").and_then(|number| u64::try_from(number).ok()).unwrap_or(0)
}

fn not_found(what: &str, number: u64) -> crate::graphql::error::GraphqlError {
    let message = format!("Could not resolve to {what} with the number of {number}.");
    crate::graphql::error::GraphqlError::new("NOT_FOUND", message)
}

fn pull<'a>(scope: &Scope<'a>, found: FoundRepository<'a>, arguments: &Arguments) -> Resolution<'a> {
    scope.permit(Permission::PullRequests)?;
    let number = number(arguments);
    let known = found.repo.pulls.get(&number).is_some_and(|pull| pull.created_at <= scope.context.now);
    let object = known.then_some(Object::PullRequest(found, number));
    object.map(Resolved::object).ok_or_else(|| not_found("a PullRequest", number))
}

fn issue<'a>(scope: &Scope<'a>, found: FoundRepository<'a>, arguments: &Arguments) -> Resolution<'a> {
    scope.permit(Permission::Issues)?;
    let number = number(arguments);
    let known = found.repo.issues.get(&number).is_some_and(|issue| issue.created_at <= scope.context.now);
    let object = known.then_some(Object::Issue(found, number));
    object.map(Resolved::object).ok_or_else(|| not_found("an Issue", number))
}

fn pull_requests<'a>(scope: &Scope<'a>, found: FoundRepository<'a>, arguments: &Arguments) -> Resolution<'a> {
    scope.permit(Permission::PullRequests)?;
    let (repo, now) = (found.repo, scope.context.now);
    let states = arguments.texts("states");
    let shown = repo.pulls.iter().filter(|(_, pull)| {
        pull.created_at <= now && states.as_ref().is_none_or(|all| all.contains(&pull.state_at(now)))
    });
    let (by, ascending) = arguments.order("CREATED_AT");
    let position = |number: u64, pull| match by {
        "UPDATED_AT" => pulls::updated_at(repo, number, pull, now).as_second(),
        "COMMENTS" => pulls::comments(repo, number, now) as i64,
        _ => pull.created_at.as_second(),
    };
    let items = shown.map(|(number, pull)| {
        (CursorPosition::Number(position(*number, pull), *number), Object::PullRequest(found, *number))
    });
    let items = items.collect();
    Connection::of("PullRequestConnection", "pullRequests", arguments, items, ascending)
        .map(Resolved::connection)
}

fn issues<'a>(scope: &Scope<'a>, found: FoundRepository<'a>, arguments: &Arguments) -> Resolution<'a> {
    scope.permit(Permission::Issues)?;
    let (repo, now) = (found.repo, scope.context.now);
    let filter = arguments.get("filterBy").cloned().unwrap_or(Value::Null);
    let texts = |value: &Value| {
        value
            .as_array()
            .map(|list| list.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect::<Vec<_>>())
    };
    let states = texts(&filter["states"]).or(arguments.get("states").and_then(texts));
    let since = filter["since"].as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let author = filter["createdBy"].as_str();
    let shown = repo.issues.iter().filter(|(number, issue)| {
        let state = issue.state_at(now);
        issue.created_at <= now
            && states.as_ref().is_none_or(|all| all.iter().any(|one| one == state))
            && since.is_none_or(|since| rest::updated_at(repo, **number, issue, now) >= since)
            && author.is_none_or(|login| issue.author.as_deref() == Some(login))
    });
    let (by, ascending) = arguments.order("CREATED_AT");
    let items = shown.map(|(number, issue)| {
        let position = match by {
            "UPDATED_AT" => rest::updated_at(repo, *number, issue, now).as_second(),
            "COMMENTS" => pulls::comments(repo, *number, now) as i64,
            _ => issue.created_at.as_second(),
        };
        (CursorPosition::Number(position, *number), Object::Issue(found, *number))
    });
    let items = items.collect();
    Connection::of("IssueConnection", "issues", arguments, items, ascending).map(Resolved::connection)
}
