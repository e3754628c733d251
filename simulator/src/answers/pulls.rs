//! Pull requests and reviews.

use std::cmp::Reverse;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{repositories, users};
use crate::context::{Context, FoundRepository};
use crate::digest;
use crate::http_response::{EndpointResult, HttpResponse};
use crate::pull_request::PullRequest;
use crate::repository::Repository;
use crate::review::{Review, ReviewState};
use crate::stamp;

/// A pull request with its number.
type Numbered<'a> = (u64, &'a PullRequest);

/// `GET /repos/{owner}/{repo}/pulls`
pub(crate) fn list(context: &Context<'_>) -> EndpointResult {
    let found = context.repository()?;
    let now = context.now;
    let wanted = context.query.get("state").unwrap_or("open");
    let all = found.repo.pulls.iter().map(|(number, pull)| (*number, pull));
    let visible = all.filter(|(_, pull)| pull.created_at <= now);
    let mut pulls: Vec<Numbered<'_>> =
        visible.filter(|(_, pull)| is_in_state(state(pull, now), wanted)).collect();
    sort(context, found.repo, &mut pulls);
    // Rendered once for all: the repository is the larger part of a pull request.
    let repository = repositories::render(context, found);
    let url = context.numeric_url(found.repo);
    Ok(context.page(&pulls, &url, |pull| render(context, found, &repository, *pull)))
}

/// `GET /repos/{owner}/{repo}/pulls/{number}`
pub(crate) fn one(context: &Context<'_>) -> EndpointResult {
    let found = context.repository()?;
    let (number, pull) = numbered(context, found.repo)?;
    let repository = repositories::render(context, found);
    let merged = pull.merged_at.is_some_and(|at| at <= context.now);
    let mut body = render(context, found, &repository, (number, pull));
    let more = json!({
        "merged": merged, "mergeable": null, "mergeable_state": "unknown", "rebaseable": null,
        "merged_by": if merged { users::user_or_ghost(context.base, pull.author.as_deref()) } else { Value::Null },
        "comments": comments(found.repo, number, context.now), "review_comments": 0,
        "maintainer_can_modify": false, "commits": 1, "additions": 0, "deletions": 0, "changed_files": 1,
    });
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    Ok(HttpResponse::ok(&body))
}

/// `GET /repos/{owner}/{repo}/pulls/{number}/reviews`
pub(crate) fn reviews(context: &Context<'_>) -> EndpointResult {
    let found = context.repository()?;
    let (number, _) = numbered(context, found.repo)?;
    let all = found.repo.reviews_of(number);
    let mut shown: Vec<&Review> = all.filter(|review| review.at <= context.now).collect();
    shown.sort_by_key(|review| (review.at, review.id));
    let url = context.numeric_url(found.repo);
    Ok(context.page(&shown, &url, |review| render_review(context, found, review)))
}

/// `open` or `closed`, at `now`.
pub(crate) fn state(pull: &PullRequest, now: Timestamp) -> &'static str {
    if pull.closed_at.is_some_and(|at| at <= now) { "closed" } else { "open" }
}

/// Whether a `state` filter of this value includes `state`.
pub(crate) fn is_in_state(state: &str, wanted: &str) -> bool {
    wanted == "all" || state == wanted
}

/// The last visible change of a pull request.
pub(crate) fn updated_at(repo: &Repository, number: u64, pull: &PullRequest, now: Timestamp) -> Timestamp {
    let submitted =
        repo.reviews_of(number).filter(|review| review.state != ReviewState::Pending).map(|review| review.at);
    let own = [Some(pull.created_at), pull.merged_at, pull.closed_at].into_iter().flatten();
    let times = own.chain(submitted).filter(|at| *at <= now);
    times.chain(last_comment(repo, number, now)).max().unwrap_or(pull.created_at)
}

/// The last visible change of the comments on an issue or pull request.
pub(crate) fn last_comment(repo: &Repository, number: u64, now: Timestamp) -> Option<Timestamp> {
    let comments = repo.comments_of(number).filter(|comment| comment.visible(now));
    comments.map(|comment| comment.updated_at(now)).max()
}

/// How many comments an issue or pull request shows.
pub(crate) fn comments(repo: &Repository, number: u64, now: Timestamp) -> usize {
    repo.comments_of(number).filter(|comment| comment.visible(now)).count()
}

fn numbered<'a>(context: &Context<'a>, repo: &'a Repository) -> Result<Numbered<'a>, HttpResponse> {
    let number: u64 = context.route.rest.parse().map_err(|_| HttpResponse::not_found())?;
    let pull = repo.pulls.get(&number).filter(|pull| pull.created_at <= context.now);
    pull.map(|pull| (number, pull)).ok_or_else(HttpResponse::not_found)
}

/// Sorted by `created` the newest come first, otherwise the oldest, unless a direction is given.
fn sort(context: &Context<'_>, repo: &Repository, pulls: &mut [Numbered<'_>]) {
    let (now, key) = (context.now, context.query.get("sort").unwrap_or("created"));
    let usual = if key == "created" { "desc" } else { "asc" };
    match key {
        "updated" => {
            pulls.sort_by_cached_key(|(number, pull)| (updated_at(repo, *number, pull, now), *number))
        }
        "popularity" => {
            pulls.sort_by_cached_key(|(number, _)| (comments(repo, *number, now), Reverse(*number)))
        }
        _ => pulls.sort_by_key(|(number, pull)| (pull.created_at, *number)),
    }
    if context.query.get("direction").unwrap_or(usual) != "asc" {
        pulls.reverse();
    }
}

fn render(
    context: &Context<'_>,
    found: FoundRepository<'_>,
    repository: &Value,
    (number, pull): Numbered<'_>,
) -> Value {
    let (repo, now, base) = (found.repo, context.now, context.base);
    let full_name = format!("{}/{}", found.account.login, repo.name_at(now));
    let root = format!("{base}/repos/{full_name}");
    let (url, issue) = (format!("{root}/pulls/{number}"), format!("{root}/issues/{number}"));
    let html = format!("{base}/html/{full_name}/pull/{number}");
    let id = repo.pull_id(number);
    let visible = |at: Option<Timestamp>| at.filter(|at| *at <= now).map(stamp::text);
    let head = digest::sha(&["pull", &id.to_string()]);
    let end = |name: &str, sha: &str| {
        let owner = users::owner(base, found.account);
        json!({"label": format!("{}:{name}", found.account.login), "ref": name, "sha": sha, "user": owner, "repo": repository})
    };
    json!({
        "url": url, "id": id, "node_id": digest::node_id("PR_kwDO", id), "html_url": html,
        "diff_url": format!("{html}.diff"), "patch_url": format!("{html}.patch"), "issue_url": issue,
        "number": number, "state": state(pull, now), "locked": false, "title": pull.title,
        "user": users::user_or_ghost(base, pull.author.as_deref()), "body": null,
        "created_at": stamp::text(pull.created_at),
        "updated_at": stamp::text(updated_at(repo, number, pull, now)),
        "closed_at": visible(pull.closed_at), "merged_at": visible(pull.merged_at),
        "merge_commit_sha": null, "assignee": null, "assignees": [], "requested_reviewers": [],
        "requested_teams": [], "labels": [], "milestone": null, "draft": false, "auto_merge": null,
        "active_lock_reason": null,
        "author_association": users::association(pull.author.as_deref()),
        "commits_url": format!("{url}/commits"), "review_comments_url": format!("{url}/comments"),
        "review_comment_url": format!("{root}/pulls/comments{{/number}}"),
        "comments_url": format!("{issue}/comments"), "statuses_url": format!("{root}/statuses/{head}"),
        "head": end(&format!("change-{number}"), &head),
        "base": end(&repo.default_branch, repo.head_at(pull.created_at).unwrap_or(&head)),
        "_links": links(&url, &issue, &html, &root, &head),
    })
}

fn links(url: &str, issue: &str, html: &str, root: &str, head: &str) -> Value {
    let href = |url: String| json!({"href": url});
    json!({
        "self": href(url.to_owned()),
        "html": href(html.to_owned()),
        "issue": href(issue.to_owned()),
        "comments": href(format!("{issue}/comments")),
        "commits": href(format!("{url}/commits")),
        "review_comments": href(format!("{url}/comments")),
        "review_comment": href(format!("{root}/pulls/comments{{/number}}")),
        "statuses": href(format!("{root}/statuses/{head}")),
    })
}

fn render_review(context: &Context<'_>, found: FoundRepository<'_>, review: &Review) -> Value {
    let full_name = format!("{}/{}", found.account.login, found.repo.name_at(context.now));
    let pull = format!("{}/repos/{full_name}/pulls/{}", context.base, review.number);
    let html = format!("{}/html/{full_name}/pull/{}#review-{}", context.base, review.number, review.id);
    let mut body = json!({
        "id": review.id, "node_id": digest::node_id("PRR_kwDO", review.id),
        "user": users::user_or_null(context.base, review.author.as_deref()),
        "body": "", "state": review.state.as_str(), "html_url": html, "pull_request_url": pull,
        "author_association": users::association(review.author.as_deref()),
        "_links": {"html": {"href": html}, "pull_request": {"href": pull}},
        "commit_id": digest::sha(&["review", &review.id.to_string()]),
    });
    if review.state != ReviewState::Pending {
        body["submitted_at"] = Value::String(stamp::text(review.at));
    }
    body
}
