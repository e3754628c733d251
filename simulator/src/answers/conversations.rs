//! Issues (pull requests included) and their comments.

use std::cmp::Reverse;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{pulls, repositories, users};
use crate::comment::Comment;
use crate::context::{Context, FoundRepository};
use crate::digest;
use crate::http_response::{EndpointResult, HttpResponse};
use crate::issue::Issue;
use crate::repository::Repository;
use crate::stamp;

/// An issue or a pull request, as the issue endpoints show it.
struct Conversation<'a> {
    found: FoundRepository<'a>,
    number: u64,
    author: Option<&'a str>,
    title: &'a str,
    created_at: Timestamp,
    closed_at: Option<Timestamp>,
    updated_at: Timestamp,
    comments: usize,
    /// `Some` for a pull request: when it was merged, if it was.
    pull: Option<Option<Timestamp>>,
}

/// `GET /repos/{owner}/{repo}/issues`
pub(crate) fn issues(context: &Context<'_>) -> EndpointResult {
    let found = context.repository()?;
    let shown = selected(context, conversations(found, context.now));
    let url = context.numeric_url(found.repo);
    Ok(context.page(&shown, &url, |conversation| render(context, conversation)))
}

/// `GET /orgs/{org}/issues`
pub(crate) fn organization_issues(context: &Context<'_>) -> EndpointResult {
    let account = context.account()?;
    if account.kind != crate::AccountKind::Organization || context.token.is_none() {
        return Err(HttpResponse::not_found());
    }
    // The other filters select issues that involve the token's owner, who is not part of this
    // world.
    let everything = matches!(context.query.get("filter"), Some("all" | "repos"));
    let visible = |repo: &&Repository| repo.exists(context.now) && context.sees(account, repo);
    let repos = account.repositories.iter().filter(visible).filter(|_| everything);
    let all = repos.flat_map(|repo| conversations(FoundRepository { account, repo }, context.now)).collect();
    let shown = selected(context, all);
    let url = context.account_url(account, "issues");
    Ok(context.page(&shown, &url, |conversation| {
        let mut body = render(context, conversation);
        body["repository"] = repositories::render(context, conversation.found);
        body
    }))
}

/// `GET /repos/{owner}/{repo}/issues/comments`
pub(crate) fn comments(context: &Context<'_>) -> EndpointResult {
    let found = context.repository()?;
    let now = context.now;
    let since = context.query.time("since");
    let recent = |comment: &&Comment| {
        comment.visible(now) && since.is_none_or(|since| comment.updated_at(now) >= since)
    };
    let mut shown: Vec<&Comment> = found.repo.comments.iter().filter(recent).collect();
    match context.query.get("sort") {
        Some("updated") => shown.sort_by_key(|comment| (comment.updated_at(now), comment.id)),
        Some(_) => shown.sort_by_key(|comment| (comment.created_at, comment.id)),
        None => shown.sort_by_key(|comment| comment.id),
    }
    let descending = context.query.get("direction").unwrap_or("desc") == "desc";
    if context.query.get("sort").is_some() && descending {
        shown.reverse();
    }
    let url = context.numeric_url(found.repo);
    Ok(context.page(&shown, &url, |comment| render_comment(context, found, comment)))
}

/// The last visible change of an issue.
pub(crate) fn updated_at(repo: &Repository, number: u64, issue: &Issue, now: Timestamp) -> Timestamp {
    let times = [Some(issue.created_at), issue.closed_at, pulls::last_comment(repo, number, now)];
    times.into_iter().flatten().filter(|at| *at <= now).max().unwrap_or(issue.created_at)
}

fn conversations(found: FoundRepository<'_>, now: Timestamp) -> Vec<Conversation<'_>> {
    let issues = found.repo.issues.iter().map(|(number, issue)| Conversation {
        found,
        number: *number,
        author: issue.author.as_deref(),
        title: &issue.title,
        created_at: issue.created_at,
        closed_at: issue.closed_at.filter(|at| *at <= now),
        updated_at: updated_at(found.repo, *number, issue, now),
        comments: pulls::comments(found.repo, *number, now),
        pull: None,
    });
    let pulls = found.repo.pulls.iter().map(|(number, pull)| Conversation {
        found,
        number: *number,
        author: pull.author.as_deref(),
        title: &pull.title,
        created_at: pull.created_at,
        closed_at: pull.closed_at.filter(|at| *at <= now),
        updated_at: pulls::updated_at(found.repo, *number, pull, now),
        comments: pulls::comments(found.repo, *number, now),
        pull: Some(pull.merged_at.filter(|at| *at <= now)),
    });
    issues.chain(pulls).filter(|conversation| conversation.created_at <= now).collect()
}

fn selected<'a>(context: &Context<'_>, mut all: Vec<Conversation<'a>>) -> Vec<Conversation<'a>> {
    let since = context.query.time("since");
    let wanted = context.query.get("state").unwrap_or("open");
    all.retain(|conversation| {
        let state = state(conversation);
        pulls::is_in_state(state, wanted) && since.is_none_or(|since| conversation.updated_at >= since)
    });
    let key = |c: &Conversation<'_>| (Reverse(c.found.repo.id()), c.number);
    match context.query.get("sort") {
        Some("updated") => all.sort_by_key(|c| (c.updated_at, key(c))),
        Some("comments") => all.sort_by_key(|c| (c.comments, key(c))),
        _ => all.sort_by_key(|c| (c.created_at, key(c))),
    }
    if context.query.get("direction").unwrap_or("desc") != "asc" {
        all.reverse();
    }
    all
}

fn state(conversation: &Conversation<'_>) -> &'static str {
    if conversation.closed_at.is_some() { "closed" } else { "open" }
}

fn render(context: &Context<'_>, conversation: &Conversation<'_>) -> Value {
    let FoundRepository { account, repo } = conversation.found;
    let (base, number) = (context.base, conversation.number);
    let full_name = format!("{}/{}", account.login, repo.name_at(context.now));
    let root = format!("{base}/repos/{full_name}");
    let url = format!("{root}/issues/{number}");
    let kind = if conversation.pull.is_some() { "pull" } else { "issues" };
    let html = format!("{base}/html/{full_name}/{kind}/{number}");
    // Not the id of the pull request itself, as on GitHub.
    let id = repo.issue_id(number);
    let node_id = match conversation.pull {
        Some(_) => digest::node_id("PR_kwDO", repo.pull_id(number)),
        None => digest::node_id("I_kwDO", id),
    };
    let mut body = json!({
        "url": url, "repository_url": root, "labels_url": format!("{url}/labels{{/name}}"),
        "comments_url": format!("{url}/comments"), "events_url": format!("{url}/events"),
        "html_url": html, "id": id, "node_id": node_id, "number": number,
        "title": conversation.title, "user": users::user_or_ghost(base, conversation.author),
        "labels": [], "state": state(conversation), "locked": false, "assignee": null, "assignees": [],
        "milestone": null, "comments": conversation.comments, "body": null, "active_lock_reason": null,
        "created_at": stamp::text(conversation.created_at),
        "updated_at": stamp::text(conversation.updated_at),
        "closed_at": conversation.closed_at.map(stamp::text),
        "author_association": users::association(conversation.author),
    });
    if let Some(merged_at) = conversation.pull {
        body["pull_request"] = json!({
            "url": format!("{root}/pulls/{number}"), "html_url": html,
            "diff_url": format!("{html}.diff"), "patch_url": format!("{html}.patch"),
            "merged_at": merged_at.map(stamp::text),
        });
    }
    body
}

fn render_comment(context: &Context<'_>, found: FoundRepository<'_>, comment: &Comment) -> Value {
    let full_name = format!("{}/{}", found.account.login, found.repo.name_at(context.now));
    let root = format!("{}/repos/{full_name}", context.base);
    let kind = if found.repo.pulls.contains_key(&comment.number) { "pull" } else { "issues" };
    json!({
        "url": format!("{root}/issues/comments/{}", comment.id),
        "html_url": format!("{}/html/{full_name}/{kind}/{}#issuecomment-{}", context.base, comment.number, comment.id),
        "issue_url": format!("{root}/issues/{}", comment.number),
        "id": comment.id, "node_id": digest::node_id("IC_kwDO", comment.id),
        "user": users::user_or_null(context.base, comment.author.as_deref()),
        "created_at": stamp::text(comment.created_at),
        "updated_at": stamp::text(comment.updated_at(context.now)),
        "body": "A remark.",
        "author_association": users::association(comment.author.as_deref()),
    })
}
