//! `search(type: ISSUE)`.

use jiff::{SignedDuration, Timestamp};

use super::arguments::Arguments;
use super::connection::{Connection, CursorPosition};
use super::object::{Object, Resolution, Resolved};
use super::scope::Scope;
use super::search_terms::SearchTerms;
use crate::answers::{conversations as rest, pulls};
use crate::context::FoundRepository;
use crate::token::Permission;

/// Maximum number of results that pagination of a search reaches.
const REACHABLE: usize = 1_000;

/// A pull request or an issue, as the search index has it.
struct Entry<'a> {
    object: Object<'a>,
    is_pull: bool,
    author: Option<&'a str>,
    title: &'a str,
    created_at: Timestamp,
    updated_at: Timestamp,
    closed_at: Option<Timestamp>,
    merged_at: Option<Timestamp>,
    comments: usize,
    id: u64,
}

/// The requested page of results; only issues and pull requests are indexed.
pub(crate) fn search<'a>(scope: &Scope<'a>, arguments: &Arguments) -> Resolution<'a> {
    let terms = SearchTerms::parse(arguments.text("query").unwrap_or_default());
    let lag =
        SignedDuration::try_from(scope.context.state.options.search_lag).unwrap_or(SignedDuration::ZERO);
    // The index lags behind the world.
    let now = scope.context.now.saturating_sub(lag).unwrap_or(scope.context.now);
    let mut entries = Vec::new();
    if arguments.text("type") == Some("ISSUE") {
        for account in scope.context.world.accounts() {
            let asked = scope.repositories(account).filter(|found| terms.covers(found, scope.context.now));
            asked.for_each(|found| collect(scope, found, &terms, now, &mut entries));
        }
    }
    let (by, ascending) = terms.order();
    let key = |entry: &Entry<'_>| match by {
        "updated" => entry.updated_at.as_second(),
        "comments" => entry.comments as i64,
        _ => entry.created_at.as_second(),
    };
    entries.sort_by_cached_key(|entry| (key(entry), entry.id));
    if !ascending {
        entries.reverse();
    }
    let found = entries.len();
    let items = entries.into_iter().take(REACHABLE).enumerate();
    let items = items.map(|(nth, entry)| (CursorPosition::Number(nth as i64, 0), entry.object)).collect();
    let mut page = Connection::of("SearchResultItemConnection", "search", arguments, items, true)?;
    page.total = found;
    Ok(Resolved::connection(page))
}

fn collect<'a>(
    scope: &Scope<'a>,
    found: FoundRepository<'a>,
    terms: &SearchTerms,
    now: Timestamp,
    entries: &mut Vec<Entry<'a>>,
) {
    let repo = found.repo;
    let past = |at: Option<Timestamp>| at.filter(|at| *at <= now);
    if scope.permit(Permission::PullRequests).is_ok() {
        let known = repo.pulls.iter().filter(|(_, pull)| pull.created_at <= now);
        entries.extend(
            known
                .map(|(number, pull)| Entry {
                    object: Object::PullRequest(found, *number),
                    is_pull: true,
                    author: pull.author.as_deref(),
                    title: &pull.title,
                    created_at: pull.created_at,
                    updated_at: pulls::updated_at(repo, *number, pull, now),
                    closed_at: past(pull.closed_at),
                    merged_at: past(pull.merged_at),
                    comments: pulls::comments(repo, *number, now),
                    id: repo.pull_id(*number),
                })
                .filter(|entry| matches(entry, terms)),
        );
    }
    if scope.permit(Permission::Issues).is_ok() {
        let known = repo.issues.iter().filter(|(_, issue)| issue.created_at <= now);
        entries.extend(
            known
                .map(|(number, issue)| Entry {
                    object: Object::Issue(found, *number),
                    is_pull: false,
                    author: issue.author.as_deref(),
                    title: &issue.title,
                    created_at: issue.created_at,
                    updated_at: rest::updated_at(repo, *number, issue, now),
                    closed_at: past(issue.closed_at),
                    merged_at: None,
                    comments: pulls::comments(repo, *number, now),
                    id: repo.issue_id(*number),
                })
                .filter(|entry| matches(entry, terms)),
        );
    }
}

fn matches(entry: &Entry<'_>, terms: &SearchTerms) -> bool {
    let is = |what: &str| match what {
        "pr" | "pull-request" => entry.is_pull,
        "issue" => !entry.is_pull,
        "open" => entry.closed_at.is_none(),
        "closed" => entry.closed_at.is_some(),
        "merged" => entry.merged_at.is_some(),
        "unmerged" => entry.is_pull && entry.merged_at.is_none(),
        _ => true,
    };
    terms.words.iter().all(|word| entry.title.to_lowercase().contains(word))
        && terms.kinds.iter().all(|kind| is(kind))
        && terms
            .author
            .as_deref()
            .is_none_or(|login| entry.author.is_some_and(|own| own.eq_ignore_ascii_case(login)))
        && terms.created.contains(Some(entry.created_at))
        && terms.updated.contains(Some(entry.updated_at))
        && terms.closed.contains(entry.closed_at)
        && terms.merged.contains(entry.merged_at)
}
