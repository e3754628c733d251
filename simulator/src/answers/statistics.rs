//! `/repos/{owner}/{repo}/stats/contributors`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::users;
use crate::commit_graph::CommitNode;
use crate::context::Context;
use crate::http_response::{EndpointResult, HttpResponse};
use crate::stamp;

/// Seconds of a week, and of 1970-01-04T00:00:00Z, a Sunday.
const WEEK: i64 = 7 * 86_400;
const FIRST_SUNDAY: i64 = 3 * 86_400;

/// How many contributors GitHub shows: the most active ones.
const MOST_ACTIVE: usize = 100;

#[derive(Clone, Copy, Default)]
struct Week {
    added: u64,
    deleted: u64,
    commits: u64,
}

/// `GET /repos/{owner}/{repo}/stats/contributors`
pub(crate) fn contributors(context: &Context<'_>) -> EndpointResult {
    let found = context.repository()?;
    let repo = found.repo;
    if repo.branch_at(&repo.default_branch, context.now).is_none() {
        return Ok(HttpResponse::empty(204));
    }
    let lag = i64::try_from(context.state.options.statistics.lag.as_secs()).unwrap_or(i64::MAX);
    let Some(head) = repo.branch_at(&repo.default_branch, stamp::plus(context.now, -lag)) else {
        return Ok(HttpResponse::json(202, &json!({})));
    };
    if !context.state.statistics_are_ready(repo.id(), head) {
        return Ok(HttpResponse::json(202, &json!({})));
    }
    let reach = repo.graph.reach(head);
    let nodes: Vec<&CommitNode> = reach.order.iter().map(|index| repo.graph.node(*index)).collect();
    Ok(HttpResponse::ok(&render(context, &nodes)))
}

fn render(context: &Context<'_>, nodes: &[&CommitNode]) -> Value {
    let counts_lines = nodes.len() < context.state.options.statistics.zero_from;
    let mut authors: BTreeMap<Option<&str>, BTreeMap<i64, Week>> = BTreeMap::new();
    for node in nodes.iter().filter(|node| node.parents.len() < 2) {
        let weeks = authors.entry(node.commit.author.as_deref()).or_default();
        let week = weeks.entry(sunday(node.commit.authored_at)).or_default();
        week.commits += 1;
        if counts_lines {
            week.added += node.commit.additions;
            week.deleted += node.commit.deletions;
        }
    }
    let first = authors.values().flat_map(BTreeMap::keys).min().copied();
    let weeks =
        first.map_or(Vec::new(), |first| (first..=sunday(context.now)).step_by(WEEK as usize).collect());
    let total = |own: &BTreeMap<i64, Week>| own.values().map(|week| week.commits).sum::<u64>();
    let mut ranked: Vec<_> = authors.iter().map(|(author, own)| (total(own), author, own)).collect();
    ranked.sort_by_key(|(total, author, _)| (*total, **author));
    let most_active = &ranked[ranked.len().saturating_sub(MOST_ACTIVE)..];
    let rows = most_active.iter().map(|(total, author, own)| {
        let week = |start: &i64| {
            let Week { added, deleted, commits } = own.get(start).copied().unwrap_or_default();
            json!({"w": start, "a": added, "d": deleted, "c": commits})
        };
        json!({
            "author": users::user_or_null(context.base, **author),
            "total": total,
            "weeks": weeks.iter().map(week).collect::<Vec<_>>(),
        })
    });
    Value::Array(rows.collect())
}

/// The start of the week of `at`: Sunday 00:00 UTC, in seconds since 1970.
fn sunday(at: Timestamp) -> i64 {
    (at.as_second() - FIRST_SUNDAY).div_euclid(WEEK) * WEEK + FIRST_SUNDAY
}
