//! Objects by their global id.

use super::object::Object;
use super::scope::Scope;
use crate::digest;
use crate::repository::Repository;
use crate::review::ReviewState;
use crate::token::Permission;

/// The object with this id, if it exists and the caller has access to it.
pub(crate) fn find<'a>(scope: &Scope<'a>, id: &str) -> Option<Object<'a>> {
    let now = scope.context.now;
    if let Some(rest) = id.strip_prefix("C_kwDO") {
        let (repo, sha) = rest.split_once('_')?;
        let found = scope.by_ordinal(Repository::ordinal_of(digest::number(repo)?)?)?;
        scope.permit(Permission::Contents).ok()?;
        let index = found.repo.graph.find(sha)?;
        return (found.repo.graph.node(index).pushed_at <= now).then_some(Object::Commit(found, index));
    }
    if let Some(rest) = id.strip_prefix("R_kgDO") {
        let found = scope.by_ordinal(Repository::ordinal_of(digest::number(rest)?)?)?;
        return Some(Object::Repository(found));
    }
    let (kind, rest) = id.split_once("_kwDO")?;
    let (ordinal, nth) = Repository::index_of(digest::number(rest)?)?;
    let found = scope.by_ordinal(ordinal)?;
    let repo = found.repo;
    match kind {
        "PR" => {
            scope.permit(Permission::PullRequests).ok()?;
            let number = nth as u64;
            let pull = repo.pulls.get(&number).filter(|pull| pull.created_at <= now);
            pull.map(|_| Object::PullRequest(found, number))
        }
        "I" => {
            scope.permit(Permission::Issues).ok()?;
            let number = Repository::issue_number(nth)?;
            let issue = repo.issues.get(&number).filter(|issue| issue.created_at <= now);
            issue.map(|_| Object::Issue(found, number))
        }
        "PRR" => {
            scope.permit(Permission::PullRequests).ok()?;
            let review = repo.reviews.get(nth)?;
            let shown = review.at <= now && review.state != ReviewState::Pending;
            shown.then_some(Object::Review(found, review))
        }
        "IC" => {
            scope.permit(Permission::Issues).ok()?;
            let comment = repo.comments.get(nth).filter(|comment| comment.visible(now))?;
            Some(Object::Comment(found, comment))
        }
        _ => None,
    }
}
