//! Commits.

use serde_json::{Value, json};

use super::users;
use crate::commit_graph::CommitNode;
use crate::context::{Context, FoundRepository};
use crate::digest;
use crate::http_response::{EndpointResult, HttpResponse};
use crate::page_request::PageRequest;
use crate::repository::Repository;
use crate::stamp;

/// `GET /repos/{owner}/{repo}/commits`
pub(crate) fn list(context: &Context<'_>) -> EndpointResult {
    let found = context.repository()?;
    let graph = &found.repo.graph;
    let head = start(context, found.repo)?;
    let since = context.query.time("since");
    let until = context.query.time("until");
    let author = context.query.get("author");
    let wanted = |index: &u32| {
        let commit = &graph.node(*index).commit;
        since.is_none_or(|since| commit.committed_at >= since)
            && until.is_none_or(|until| commit.committed_at <= until)
            && author.is_none_or(|login| commit.author.as_deref() == Some(login))
    };
    let reach = graph.reach(head);
    let shown: Vec<u32> = reach.order.iter().copied().filter(wanted).collect();
    let url = context.numeric_url(found.repo);
    Ok(context.page(&shown, &url, |index| render(context, found, graph.node(*index))))
}

/// `GET /repos/{owner}/{repo}/commits/{ref}`
pub(crate) fn one(context: &Context<'_>) -> EndpointResult {
    let found = context.repository()?;
    let reference = crate::query_string::decode(&context.route.rest);
    let index = resolve(context, found.repo, &reference)
        .ok_or_else(|| HttpResponse::error(422, &format!("No commit found for SHA: {reference}")))?;
    let node = found.repo.graph.node(index);
    let page = PageRequest::of(context.query);
    let files = files(context, found, node);
    let mut body = render(context, found, node);
    body["stats"] = json!({
        "total": node.commit.additions + node.commit.deletions,
        "additions": node.commit.additions,
        "deletions": node.commit.deletions,
    });
    body["files"] = Value::Array(page.cut(&files).to_vec());
    Ok(context.linked(HttpResponse::ok(&body), page, files.len(), &context.numeric_url(found.repo)))
}

/// The commit of a branch name or an object name, as of the simulated time.
pub(crate) fn resolve(context: &Context<'_>, repo: &Repository, reference: &str) -> Option<u32> {
    let reference = reference.strip_prefix("refs/heads/").unwrap_or(reference);
    let reference = if reference == "HEAD" { repo.default_branch.as_str() } else { reference };
    repo.branch_at(reference, context.now).or_else(|| {
        let index = repo.graph.find(&reference.to_lowercase())?;
        (repo.graph.node(index).pushed_at <= context.now).then_some(index)
    })
}

/// A commit as lists show it.
pub(crate) fn render(context: &Context<'_>, found: FoundRepository<'_>, node: &CommitNode) -> Value {
    let full_name = format!("{}/{}", found.account.login, found.repo.name_at(context.now));
    let url = format!("{}/repos/{full_name}", context.base);
    let html = format!("{}/html/{full_name}", context.base);
    let commit = &node.commit;
    let tree = digest::sha(&["tree", &node.sha]);
    let author = users::user_or_null(context.base, commit.author.as_deref());
    let parents = node.parents.iter().map(|parent| {
        let sha = &found.repo.graph.node(*parent).sha;
        json!({"sha": sha, "url": format!("{url}/commits/{sha}"), "html_url": format!("{html}/commit/{sha}")})
    });
    json!({
        "sha": node.sha,
        "node_id": found.repo.commit_node_id(&node.sha),
        "commit": {
            "author": git_user(commit.author.as_deref(), &stamp::text(commit.authored_at)),
            "committer": git_user(commit.author.as_deref(), &stamp::text(commit.committed_at)),
            "message": commit.message,
            "tree": {"sha": tree, "url": format!("{url}/git/trees/{tree}")},
            "url": format!("{url}/git/commits/{}", node.sha),
            "comment_count": 0,
        },
        "url": format!("{url}/commits/{}", node.sha),
        "html_url": format!("{html}/commit/{}", node.sha),
        "comments_url": format!("{url}/commits/{}/comments", node.sha),
        "author": author,
        "committer": author,
        "parents": parents.collect::<Vec<_>>(),
    })
}

/// Name and address as git records them: synthetic, so that a collector that labels series by them
/// is noticed.
pub(crate) fn git_user(login: Option<&str>, date: &str) -> Value {
    let name = login.unwrap_or("Unlinked Person");
    let mailbox = login.unwrap_or("unlinked-person").replace(['[', ']'], "");
    json!({"name": name, "email": format!("{mailbox}@synthetic.invalid"), "date": date})
}

fn start(context: &Context<'_>, repo: &Repository) -> Result<u32, HttpResponse> {
    if repo.branch_at(&repo.default_branch, context.now).is_none() {
        return Err(HttpResponse::error(409, "Git Repository is empty."));
    }
    let reference = context.query.get("sha").unwrap_or(&repo.default_branch);
    resolve(context, repo, reference).ok_or_else(HttpResponse::not_found)
}

fn files(context: &Context<'_>, found: FoundRepository<'_>, node: &CommitNode) -> Vec<Value> {
    let count = u64::from(node.commit.files);
    let url = format!("{}/repos/{}/{}", context.base, found.account.login, found.repo.name_at(context.now));
    let share = |lines: u64, nth: u64| lines / count + u64::from(nth < lines % count);
    let file = |nth: u64| {
        let name = format!("src/part_{nth}.rs");
        let (added, removed) = (share(node.commit.additions, nth), share(node.commit.deletions, nth));
        json!({
            "sha": digest::sha(&["blob", &node.sha, &name]),
            "filename": name,
            "status": "modified",
            "additions": added,
            "deletions": removed,
            "changes": added + removed,
            "blob_url": format!("{url}/blob/{}/{name}", node.sha),
            "raw_url": format!("{url}/raw/{}/{name}", node.sha),
            "contents_url": format!("{url}/contents/{name}?ref={}", node.sha),
            "patch": "@@ -1 +1 @@",
        })
    };
    (0..count).map(file).collect()
}
