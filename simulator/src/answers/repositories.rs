//! Repositories and their branches.

use std::cmp::Reverse;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::users;
use crate::account::AccountKind;
use crate::context::{Context, FoundRepository};
use crate::endpoint::Endpoint;
use crate::http_response::{EndpointResult, HttpResponse};
use crate::repository::Repository;
use crate::stamp;

/// The URL fields of a repository, with the template that follows its own URL.
const URLS: &[(&str, &str)] = &[
    ("archive_url", "/{archive_format}{/ref}"),
    ("assignees_url", "/assignees{/user}"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("branches_url", "/branches{/branch}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("comments_url", "/comments{/number}"),
    ("commits_url", "/commits{/sha}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("contents_url", "/contents/{+path}"),
    ("contributors_url", "/contributors"),
    ("deployments_url", "/deployments"),
    ("downloads_url", "/downloads"),
    ("events_url", "/events"),
    ("forks_url", "/forks"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("hooks_url", "/hooks"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("issue_events_url", "/issues/events{/number}"),
    ("issues_url", "/issues{/number}"),
    ("keys_url", "/keys{/key_id}"),
    ("labels_url", "/labels{/name}"),
    ("languages_url", "/languages"),
    ("merges_url", "/merges"),
    ("milestones_url", "/milestones{/number}"),
    ("notifications_url", "/notifications{?since,all,participating}"),
    ("pulls_url", "/pulls{/number}"),
    ("releases_url", "/releases{/id}"),
    ("stargazers_url", "/stargazers"),
    ("statuses_url", "/statuses/{sha}"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("tags_url", "/tags"),
    ("teams_url", "/teams"),
    ("trees_url", "/git/trees{/sha}"),
];

/// `GET /orgs/{org}/repos` and `GET /users/{user}/repos`
pub(crate) fn list(context: &Context<'_>) -> EndpointResult {
    let account = context.account()?;
    let of_organization = context.route.endpoint == Endpoint::OrganizationRepositories;
    if of_organization && account.kind != AccountKind::Organization {
        return Err(HttpResponse::not_found());
    }
    let wanted = context.query.get("type").unwrap_or("all");
    let shown = |repo: &&Repository| {
        repo.exists(context.now) && context.sees(account, repo) && is_of_type(repo, wanted)
    };
    let mut repos: Vec<&Repository> = account.repositories.iter().filter(shown).collect();
    let usual = if of_organization { "created" } else { "full_name" };
    sort(context, &mut repos, context.query.get("sort").unwrap_or(usual));
    let url = context.account_url(account, "repos");
    Ok(context.page(&repos, &url, |repo| render(context, FoundRepository { account, repo })))
}

/// `GET /repos/{owner}/{repo}`
pub(crate) fn one(context: &Context<'_>) -> EndpointResult {
    let found = context.repository()?;
    let mut body = render(context, found);
    body["network_count"] = json!(0);
    body["subscribers_count"] = json!(0);
    Ok(HttpResponse::ok(&body))
}

/// `GET /repos/{owner}/{repo}/branches`
pub(crate) fn branches(context: &Context<'_>) -> EndpointResult {
    let FoundRepository { account, repo } = context.repository()?;
    let visible = repo.refs.iter().filter(|update| update.at <= context.now);
    let mut names: Vec<&str> = visible.map(|update| update.branch.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let full_name = format!("{}/{}", account.login, repo.name_at(context.now));
    Ok(context.page(&names, &context.numeric_url(repo), |name| {
        let head = repo.branch_at(name, context.now).map(|index| repo.graph.node(index).sha.as_str());
        let sha = head.unwrap_or_default();
        let url = format!("{}/repos/{full_name}/commits/{sha}", context.base);
        json!({"name": name, "commit": {"sha": sha, "url": url}, "protected": false})
    }))
}

/// A repository as lists and pull requests show it.
pub(crate) fn render(context: &Context<'_>, found: FoundRepository<'_>) -> Value {
    let FoundRepository { account, repo } = found;
    let name = repo.name_at(context.now);
    let full_name = format!("{}/{name}", account.login);
    let url = format!("{}/repos/{full_name}", context.base);
    let html = format!("{}/html/{full_name}", context.base);
    let open = open_conversations(repo, context.now);
    let mut body = json!({
        "id": repo.id(), "node_id": repo.node_id(), "name": name, "full_name": full_name,
        "private": repo.private, "owner": users::owner(context.base, account),
        "html_url": html, "description": null, "fork": repo.fork, "url": url,
        "created_at": stamp::text(repo.created_at),
        "updated_at": stamp::text(repo.pushed_at(context.now)),
        "pushed_at": stamp::text(repo.pushed_at(context.now)),
        "git_url": format!("git://localhost/{full_name}.git"),
        "ssh_url": format!("git@localhost:{full_name}.git"),
        "clone_url": format!("{html}.git"), "svn_url": html, "homepage": null, "mirror_url": null,
        "size": repo.graph.len(), "stargazers_count": 0, "watchers_count": 0, "language": "Rust",
        "has_issues": true, "has_projects": true, "has_downloads": true, "has_wiki": true,
        "has_pages": false, "has_discussions": false, "forks_count": 0,
        "archived": repo.archived, "disabled": false, "open_issues_count": open, "license": null,
        "allow_forking": true, "is_template": false, "web_commit_signoff_required": false,
        "topics": [], "visibility": if repo.private { "private" } else { "public" },
        "forks": 0, "open_issues": open, "watchers": 0, "default_branch": repo.default_branch,
    });
    for (key, template) in URLS {
        body[*key] = Value::String(format!("{url}{template}"));
    }
    body
}

/// GitHub counts open pull requests as open issues.
fn open_conversations(repo: &Repository, now: Timestamp) -> usize {
    let open =
        |created: Timestamp, closed: Option<Timestamp>| created <= now && closed.is_none_or(|at| at > now);
    let pulls = repo.pulls.values().filter(|pull| open(pull.created_at, pull.closed_at));
    pulls.count() + repo.issues.values().filter(|issue| open(issue.created_at, issue.closed_at)).count()
}

fn is_of_type(repo: &Repository, wanted: &str) -> bool {
    match wanted {
        "public" => !repo.private,
        "private" => repo.private,
        "forks" => repo.fork,
        "sources" => !repo.fork,
        _ => true,
    }
}

fn sort(context: &Context<'_>, repos: &mut [&Repository], key: &str) {
    let now = context.now;
    let usual = if key == "full_name" { "asc" } else { "desc" };
    let ascending = context.query.get("direction").unwrap_or(usual) == "asc";
    match key {
        "full_name" => repos.sort_by_cached_key(|repo| (repo.name_at(now).to_lowercase(), repo.id())),
        "updated" | "pushed" => repos.sort_by_key(|repo| (repo.pushed_at(now), Reverse(repo.id()))),
        _ => repos.sort_by_key(|repo| (repo.created_at, Reverse(repo.id()))),
    }
    if !ascending {
        repos.reverse();
    }
}
