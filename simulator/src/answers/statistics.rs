//! `/repos/{owner}/{repo}/stats/contributors`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::people;
use crate::context::Context;
use crate::graph::Node;
use crate::reply::{Answer, Reply};
use crate::stamp;

/// Seconds of a week, and of 1970-01-04T00:00:00Z, a Sunday.
const WEEK: i64 = 7 * 86_400;
const FIRST_SUNDAY: i64 = 3 * 86_400;

/// GitHub shows the most active hundred.
const MOST_ACTIVE: usize = 100;

#[derive(Clone, Copy, Default)]
struct Week {
    added: u64,
    deleted: u64,
    commits: u64,
}

/// `GET /repos/{owner}/{repo}/stats/contributors`
pub(crate) fn contributors(context: &Context<'_>) -> Answer {
    let found = context.repository()?;
    let repo = found.repo;
    if repo.branch_at(&repo.default_branch, context.now).is_none() {
        return Ok(Reply::empty(204));
    }
    let lag = i64::try_from(context.shared.options.statistics.lag.as_secs()).unwrap_or(i64::MAX);
    let Some(head) = repo.branch_at(&repo.default_branch, stamp::plus(context.now, -lag)) else {
        return Ok(Reply::json(202, &json!({})));
    };
    if !context.shared.computed_before(repo.id(), head) {
        return Ok(Reply::json(202, &json!({})));
    }
    let reach = repo.graph.reach(head);
    let nodes: Vec<&Node> = reach.order.iter().map(|index| repo.graph.node(*index)).collect();
    Ok(Reply::ok(&render(context, &nodes)))
}

fn render(context: &Context<'_>, nodes: &[&Node]) -> Value {
    let counts_lines = nodes.len() < context.shared.options.statistics.zero_from;
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
            "author": people::user_or_null(context.base, **author),
            "total": total,
            "weeks": weeks.iter().map(week).collect::<Vec<_>>(),
        })
    });
    Value::Array(rows.collect())
}

/// The start of the week, a Sunday at midnight.
fn sunday(at: Timestamp) -> i64 {
    (at.as_second() - FIRST_SUNDAY).div_euclid(WEEK) * WEEK + FIRST_SUNDAY
}
