//! From GitHub's nodes to facts.

use github_stats_actors::activity::{Fact, FactId, LocChange, Login, Oid, Timestamp};

use super::model::{Actor, Commit, Conversation, ReviewOrComment};
use crate::github::account::Account;
use crate::github::identity;

fn account(actor: &Actor) -> Account {
    Account { login: actor.login.clone(), kind: actor.kind.clone() }
}

/// The author of a conversation, review or comment; `ghost` if the account was deleted.
pub fn actor(actor: Option<&Actor>) -> Login {
    identity::actor(actor.map(account).as_ref())
}

/// A commit, its id and its parents; `None` if the id is malformed.
pub fn commit(commit: &Commit) -> Option<(Fact, Oid, Vec<Oid>)> {
    let oid: Oid = commit.oid.parse().ok()?;
    let parents: Vec<Oid> =
        commit.parents.nodes.iter().flatten().filter_map(|parent| parent.oid.parse().ok()).collect();
    // GraphQL returns the author as a user; a bot's login is already `name[bot]`.
    let author = commit.author.as_ref().and_then(|author| author.user.as_ref()).map(account);
    let loc = if parents.len() < 2 {
        LocChange { additions: commit.additions, deletions: commit.deletions }
    } else {
        LocChange::default()
    };
    let user = identity::commit_author(author.as_ref());
    Some((Fact { id: FactId::Commit(oid), user, at: commit.committed_date, loc }, oid, parents))
}

/// The opening and the merge of a pull request; no facts for an issue.
pub fn pull_request(conversation: &Conversation) -> Vec<Fact> {
    if conversation.kind.as_deref() != Some("PullRequest") {
        return Vec::new();
    }
    let user = actor(conversation.author.as_ref());
    let fact = |id, at: Option<Timestamp>| {
        at.map(|at| Fact { id, user: user.clone(), at, loc: LocChange::default() })
    };
    let opened = fact(FactId::PrOpened(conversation.number), conversation.created_at);
    let merged = fact(FactId::PrMerged(conversation.number), conversation.merged_at);
    opened.into_iter().chain(merged).collect()
}

/// A submitted review; `None` for a pending one.
pub fn review(entry: &ReviewOrComment) -> Option<Fact> {
    let at = entry.submitted_at.filter(|_| entry.state.as_deref() != Some("PENDING"))?;
    let id = FactId::Review(entry.full_database_id.as_ref()?.get()?);
    Some(Fact { id, user: actor(entry.author.as_ref()), at, loc: LocChange::default() })
}

/// A comment on a conversation.
pub fn comment(entry: &ReviewOrComment) -> Option<Fact> {
    let id = FactId::IssueComment(entry.full_database_id.as_ref()?.get()?);
    Some(Fact { id, user: actor(entry.author.as_ref()), at: entry.created_at?, loc: LocChange::default() })
}
