//! `/repos/{owner}/{repo}/compare/{base}...{head}`.

use serde_json::{Value, json};

use super::commits;
use crate::commit_graph::{CommitGraph, ReachableCommits};
use crate::context::Context;
use crate::http_response::{EndpointResult, HttpResponse};
use crate::page_request::PageRequest;

/// How many commits a comparison without pagination shows: the newest ones.
const UNPAGED: usize = 250;

/// `GET /repos/{owner}/{repo}/compare/{base}...{head}`
pub(crate) fn compare(context: &Context<'_>) -> EndpointResult {
    let found = context.repository()?;
    let graph = &found.repo.graph;
    let (base, head) = context.route.rest.split_once("...").ok_or_else(HttpResponse::not_found)?;
    let base = commits::resolve(context, found.repo, &crate::query_string::decode(base))
        .ok_or_else(HttpResponse::not_found)?;
    let head = commits::resolve(context, found.repo, &crate::query_string::decode(head))
        .ok_or_else(HttpResponse::not_found)?;
    let (from, to) = (graph.reach(base), graph.reach(head));
    let no_ancestor = || HttpResponse::error(404, "No common ancestor between the two commits.");
    let merge_base = graph.merge_base(&from, &to).ok_or_else(no_ancestor)?;
    let ahead = only_in(graph, &to, &from);
    let behind = from.order.len() - (to.order.len() - ahead.len());
    let page = paged(context).then(|| PageRequest::of(context.query));
    let shown = match page {
        Some(page) => page.cut(&ahead),
        None => &ahead[ahead.len().saturating_sub(UNPAGED)..],
    };
    let commit = |index: &u32| commits::render(context, found, graph.node(*index));
    let url = format!("{}/repos/{}/{}", context.base, found.account.login, found.repo.name_at(context.now));
    let url = format!("{url}/compare/{}", context.route.rest);
    let body = json!({
        "url": url, "html_url": url, "permalink_url": url,
        "diff_url": format!("{url}.diff"), "patch_url": format!("{url}.patch"),
        "base_commit": commit(&base),
        "merge_base_commit": commit(&merge_base),
        "status": status(ahead.len(), behind),
        "ahead_by": ahead.len(),
        "behind_by": behind,
        "total_commits": ahead.len(),
        "commits": shown.iter().map(commit).collect::<Vec<Value>>(),
        "files": [],
    });
    let response = HttpResponse::ok(&body);
    Ok(match page {
        Some(page) => context.linked(response, page, ahead.len(), &context.numeric_url(found.repo)),
        None => response,
    })
}

fn paged(context: &Context<'_>) -> bool {
    context.query.get("page").is_some() || context.query.get("per_page").is_some()
}

fn status(ahead: usize, behind: usize) -> &'static str {
    match (ahead, behind) {
        (0, 0) => "identical",
        (_, 0) => "ahead",
        (0, _) => "behind",
        _ => "diverged",
    }
}

/// The commits reachable from `to` but not from `from`, parents before children.
fn only_in(graph: &CommitGraph, to: &ReachableCommits, from: &ReachableCommits) -> Vec<u32> {
    let mut only: Vec<u32> = to.order.iter().rev().copied().filter(|index| !from.contains(*index)).collect();
    let parents_first = only.is_sorted_by_key(|index| graph.node(*index).commit.committed_at);
    if !parents_first {
        // Decreasing dates would put a child before its parent.
        only.sort_by_key(|index| graph.node(*index).generation);
    }
    only
}
