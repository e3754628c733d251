//! From GitHub's nodes to facts.

use github_stats_actors::activity::{Fact, FactId, LocChange, Login, Oid, Timestamp};

use super::model::{Actor, Commit, Conversation, Remark};
use crate::github::identity;
use crate::github::model::Account;

fn account(actor: &Actor) -> Account {
    Account { login: actor.login.clone(), kind: actor.kind.clone() }
}

/// Whoever did something; `ghost` where the account was deleted.
pub fn actor(actor: Option<&Actor>) -> Login {
    identity::actor(actor.map(account).as_ref())
}

/// A commit, and its parents; `None` where its name is none.
pub fn commit(commit: &Commit) -> Option<(Fact, Oid, Vec<Oid>)> {
    let oid: Oid = commit.oid.parse().ok()?;
    let parents: Vec<Oid> =
        commit.parents.nodes.iter().flatten().filter_map(|parent| parent.oid.parse().ok()).collect();
    // A user is never spelt as a bot here: GitHub gives a bot's commits the login `name[bot]` already.
    let author = commit.author.as_ref().and_then(|author| author.user.as_ref()).map(account);
    let lines = if parents.len() < 2 {
        LocChange { additions: commit.additions, deletions: commit.deletions }
    } else {
        LocChange::default()
    };
    let user = identity::commit_author(author.as_ref());
    Some((Fact { id: FactId::Commit(oid), user, at: commit.committed_date, loc: lines }, oid, parents))
}

/// The opening and the merge of a pull request; nothing of an issue.
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

/// A submitted review: a pending one is no fact yet.
pub fn review(remark: &Remark) -> Option<Fact> {
    let at = remark.submitted_at.filter(|_| remark.state.as_deref() != Some("PENDING"))?;
    let id = FactId::Review(remark.full_database_id.as_ref()?.get()?);
    Some(Fact { id, user: actor(remark.author.as_ref()), at, loc: LocChange::default() })
}

/// A comment on a conversation.
pub fn comment(remark: &Remark) -> Option<Fact> {
    let id = FactId::IssueComment(remark.full_database_id.as_ref()?.get()?);
    Some(Fact { id, user: actor(remark.author.as_ref()), at: remark.created_at?, loc: LocChange::default() })
}
