//! `PullRequestReview` and `IssueComment`.

use super::{full_id, leaf, maybe_time, small_id, time};
use crate::comment::Comment;
use crate::context::FoundRepository;
use crate::digest;
use crate::graphql::object::{Object, Resolved};
use crate::graphql::scope::Scope;
use crate::review::Review;

pub(super) fn review<'a>(found: FoundRepository<'a>, review: &'a Review, field: &str) -> Resolved<'a> {
    match field {
        "author" => Resolved::One(Object::actor(review.author.as_deref())),
        "databaseId" => small_id(review.id),
        "fullDatabaseId" => full_id(review.id),
        "id" => leaf(digest::node_id("PRR_kwDO", review.id)),
        "pullRequest" => Resolved::object(Object::PullRequest(found, review.number)),
        "repository" => Resolved::object(Object::Repository(found)),
        "state" => leaf(review.state.as_str()),
        _ => time(review.at),
    }
}

pub(super) fn comment<'a>(
    scope: &Scope<'a>,
    found: FoundRepository<'a>,
    comment: &'a Comment,
    field: &str,
) -> Resolved<'a> {
    let now = scope.context.now;
    let of_pull = found.repo.pulls.contains_key(&comment.number);
    match field {
        "author" => Resolved::One(Object::actor(comment.author.as_deref())),
        "createdAt" => time(comment.created_at),
        "databaseId" => small_id(comment.id),
        "fullDatabaseId" => full_id(comment.id),
        "id" => leaf(digest::node_id("IC_kwDO", comment.id)),
        // On GitHub every pull request is an issue as well, which the simulator does not model.
        "issue" => Resolved::One((!of_pull).then_some(Object::Issue(found, comment.number))),
        "lastEditedAt" => maybe_time(comment.edited_at.filter(|at| *at <= now)),
        "pullRequest" => Resolved::One(of_pull.then_some(Object::PullRequest(found, comment.number))),
        "repository" => Resolved::object(Object::Repository(found)),
        _ => time(comment.updated_at(now)),
    }
}
