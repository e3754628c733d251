//! `PullRequest` and `Issue`.

use serde_json::Value;

use super::{full_id, leaf, maybe_time, small_id, time};
use crate::answers::{conversations as rest, pulls};
use crate::context::FoundRepository;
use crate::digest;
use crate::graphql::arguments::Arguments;
use crate::graphql::connection::{Connection, CursorPosition};
use crate::graphql::object::{Object, Resolution, Resolved};
use crate::graphql::scope::Scope;
use crate::review::ReviewState;

pub(super) fn pull<'a>(
    scope: &Scope<'a>,
    found: FoundRepository<'a>,
    number: u64,
    field: &str,
    arguments: &Arguments,
) -> Resolution<'a> {
    let (repo, now) = (found.repo, scope.context.now);
    let Some(pull) = repo.pulls.get(&number) else {
        return Ok(leaf(Value::Null));
    };
    let id = repo.pull_id(number);
    let past = |at: Option<jiff::Timestamp>| at.filter(|at| *at <= now);
    Ok(match field {
        "author" => Resolved::One(Object::actor(pull.author.as_deref())),
        "closed" => leaf(past(pull.closed_at).is_some()),
        "closedAt" => maybe_time(past(pull.closed_at)),
        "createdAt" => time(pull.created_at),
        "databaseId" => small_id(id),
        "fullDatabaseId" => full_id(id),
        "id" => leaf(digest::node_id("PR_kwDO", id)),
        "isDraft" => leaf(false),
        "merged" => leaf(past(pull.merged_at).is_some()),
        "mergedAt" => maybe_time(past(pull.merged_at)),
        "number" => leaf(number),
        "repository" => Resolved::object(Object::Repository(found)),
        "state" => leaf(pull.state_at(now)),
        "title" => leaf(pull.title.as_str()),
        "updatedAt" => time(pulls::updated_at(repo, number, pull, now)),
        "reviews" => return reviews(scope, found, number, arguments),
        _ => return comments(scope, found, number, arguments),
    })
}

pub(super) fn issue<'a>(
    scope: &Scope<'a>,
    found: FoundRepository<'a>,
    number: u64,
    field: &str,
    arguments: &Arguments,
) -> Resolution<'a> {
    let (repo, now) = (found.repo, scope.context.now);
    let Some(issue) = repo.issues.get(&number) else {
        return Ok(leaf(Value::Null));
    };
    let id = repo.issue_id(number);
    let closed_at = issue.closed_at.filter(|at| *at <= now);
    Ok(match field {
        "author" => Resolved::One(Object::actor(issue.author.as_deref())),
        "closed" => leaf(closed_at.is_some()),
        "closedAt" => maybe_time(closed_at),
        "createdAt" => time(issue.created_at),
        "databaseId" => small_id(id),
        "fullDatabaseId" => full_id(id),
        "id" => leaf(digest::node_id("I_kwDO", id)),
        "number" => leaf(number),
        "repository" => Resolved::object(Object::Repository(found)),
        "state" => leaf(issue.state_at(now)),
        "title" => leaf(issue.title.as_str()),
        "updatedAt" => time(rest::updated_at(repo, number, issue, now)),
        _ => return comments(scope, found, number, arguments),
    })
}

/// Reviews in the order of submission; pending ones are visible to their authors only.
fn reviews<'a>(
    scope: &Scope<'a>,
    found: FoundRepository<'a>,
    number: u64,
    arguments: &Arguments,
) -> Resolution<'a> {
    let (states, author) = (arguments.texts("states"), arguments.text("author"));
    let shown = found.repo.reviews_of(number).filter(|review| {
        review.at <= scope.context.now
            && review.state != ReviewState::Pending
            && states.as_ref().is_none_or(|all| all.contains(&review.state.as_str()))
            && author.is_none_or(|login| review.author.as_deref() == Some(login))
    });
    let items = shown
        .map(|review| {
            (CursorPosition::Number(review.at.as_second(), review.id), Object::Review(found, review))
        })
        .collect();
    Connection::of("PullRequestReviewConnection", "reviews", arguments, items, true).map(Resolved::connection)
}

/// Comments in the order of their creation, or of their last change.
fn comments<'a>(
    scope: &Scope<'a>,
    found: FoundRepository<'a>,
    number: u64,
    arguments: &Arguments,
) -> Resolution<'a> {
    let now = scope.context.now;
    let (by, ascending) = arguments.order("CREATED_AT");
    let shown = found.repo.comments_of(number).filter(|comment| comment.visible(now));
    let items = shown
        .map(|comment| {
            let at = if by == "UPDATED_AT" { comment.updated_at(now) } else { comment.created_at };
            (CursorPosition::Number(at.as_second(), comment.id), Object::Comment(found, comment))
        })
        .collect();
    Connection::of("IssueCommentConnection", "comments", arguments, items, ascending)
        .map(Resolved::connection)
}
