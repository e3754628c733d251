//! Pull requests and issues with their reviews and comments.

use std::collections::HashMap;

use github_stats_actors::activity::{DAY, Fact, RepoId, RepoName, Timestamp};
use github_stats_actors::source::{SourceError, SourceErrorKind};
use serde_json::json;

use super::batch_size::BatchSize;
use super::convert;
use super::model::{Connection, Conversation, NodeData, Remark, Repository};
use super::queries::{COMMENTS_PAGE, CONVERSATIONS, ISSUES_PAGE, PULLS_PAGE, QueryTemplate, REVIEWS_PAGE};
use super::seen_facts::SeenFacts;
use super::session::{GraphqlRequest, GraphqlSession};
use crate::github::rest::rfc3339;

/// A review is listed where it was begun, and submitted later: reviews begun so long before are still looked for.
const REVIEWING: i64 = 7 * DAY;
/// Issues asked for with each repository.
const ISSUES: usize = 2;
/// Pull requests, or issues, on a further page: 1 + 2 × 49 lists are a point.
const MORE: usize = 49;

/// The sizes of queries for conversations: 14 × (2 + 2 × 3 + 2) lists are a point.
#[derive(Debug)]
pub struct ConversationLoads {
    /// Repositories, and pull requests of each.
    pub batch: BatchSize,
    /// A single one's.
    pub page: BatchSize,
    /// The search's: 2 + 3 × 49 lists are a point.
    pub search: BatchSize,
}

impl Default for ConversationLoads {
    fn default() -> Self {
        ConversationLoads {
            batch: BatchSize::new(14, 3),
            page: BatchSize::new(1, MORE),
            search: BatchSize::new(1, MORE),
        }
    }
}

/// How many reviews, and comments, are asked for with each conversation: they cost nothing but GitHub's time.
pub fn nested(page: usize) -> usize {
    page.clamp(4, 30)
}

/// What was found so far, by repository.
#[derive(Debug, Default)]
pub struct FoundConversations {
    /// Facts.
    pub facts: HashMap<RepoId, Vec<Fact>>,
    /// The repositories' present names.
    pub names: HashMap<RepoId, RepoName>,
    /// What is to be remembered.
    pub notes: Vec<ReviewOrComment>,
}

/// What is to be remembered of a sighting.
#[derive(Debug)]
pub enum ReviewOrComment {
    /// A review or a comment, and how GitHub knows it.
    Remark(RepoId, Fact, String),
    /// Something happened in a repository.
    Activity(RepoId, Timestamp),
}

impl FoundConversations {
    fn add(&mut self, repo: &RepoId, facts: impl IntoIterator<Item = Fact>) {
        self.facts.entry(repo.clone()).or_default().extend(facts);
    }

    fn add_remark(&mut self, repo: &RepoId, node: &str, fact: Option<Fact>) {
        let Some(fact) = fact else { return };
        self.notes.push(ReviewOrComment::Remark(repo.clone(), fact.clone(), node.to_owned()));
        self.add(repo, [fact]);
    }

    /// Takes over what a conversation's own page tells.
    pub fn take(&mut self, repo: &RepoId, conversation: &Conversation) {
        self.add(repo, convert::pull_request(conversation));
        for review in remarks(conversation.reviews.as_ref()) {
            self.add_remark(repo, &review.id, convert::review(review));
        }
        for comment in remarks(conversation.comments.as_ref()) {
            self.add_remark(repo, &comment.id, convert::comment(comment));
        }
        if let Some(at) = conversation.updated_at {
            self.notes.push(ReviewOrComment::Activity(repo.clone(), at));
        }
    }

    /// Hands over what is to be remembered.
    pub fn remember(&mut self, memory: &mut SeenFacts, now: Timestamp) {
        for note in self.notes.drain(..) {
            match note {
                ReviewOrComment::Remark(repo, fact, node) => memory.saw(&repo, fact.id, &node, fact.at, now),
                ReviewOrComment::Activity(repo, at) => memory.happened(&repo, at),
            }
        }
    }
}

fn remarks(list: Option<&Connection<Remark>>) -> impl Iterator<Item = &Remark> {
    list.into_iter().flat_map(|list| list.nodes.iter().flatten())
}

/// Where the part of a list before this page ends, if it may hold something since `since`.
fn earlier(list: Option<&Connection<Remark>>, since: Timestamp) -> Option<String> {
    let list = list?;
    let oldest = list.nodes.iter().flatten().filter_map(|remark| remark.created_at).min();
    list.page_info.previous().filter(|_| oldest.is_none_or(|oldest| oldest >= since))
}

impl GraphqlSession {
    /// Reads the reviews and comments since `since` that a conversation's own page does not hold.
    pub async fn deepen(
        &self,
        repo: &RepoId,
        conversation: &Conversation,
        since: Timestamp,
        found: &mut FoundConversations,
    ) -> Result<(), SourceError> {
        let Some(id) = conversation.id.as_deref() else { return Ok(()) };
        let mut before = earlier(conversation.reviews.as_ref(), since - REVIEWING);
        while let Some(cursor) = before {
            let page = self.remarks(REVIEWS_PAGE, id, cursor, |node| node.reviews).await?;
            remarks(Some(&page)).for_each(|one| found.add_remark(repo, &one.id, convert::review(one)));
            before = earlier(Some(&page), since - REVIEWING);
        }
        let mut before = earlier(conversation.comments.as_ref(), since);
        while let Some(cursor) = before {
            let page = self.remarks(COMMENTS_PAGE, id, cursor, |node| node.comments).await?;
            remarks(Some(&page)).for_each(|one| found.add_remark(repo, &one.id, convert::comment(one)));
            before = earlier(Some(&page), since);
        }
        Ok(())
    }

    async fn remarks(
        &self,
        query: QueryTemplate,
        id: &str,
        before: String,
        part: impl Fn(Conversation) -> Option<Connection<Remark>>,
    ) -> Result<Connection<Remark>, SourceError> {
        let load = BatchSize::new(1, 1);
        let variables = json!({ "id": id, "before": before });
        let question =
            |_| GraphqlRequest { query, variables: variables.clone(), lists: 1, can_shrink: false };
        let told = self.page::<NodeData<Conversation>>(&load, question, |_| ()).await?;
        // A conversation that was deleted meanwhile has nothing more to tell.
        Ok(told.data.node.and_then(part).unwrap_or_default())
    }

    /// Reads the conversations that changed since `since` of these repositories, not by the search but list by list;
    /// what became of each.
    pub async fn conversations(
        &self,
        loads: &ConversationLoads,
        ids: &[RepoId],
        since: Timestamp,
        found: &mut FoundConversations,
    ) -> HashMap<RepoId, Result<(), SourceError>> {
        let texts: Vec<&str> = ids.iter().map(RepoId::as_str).collect();
        let since_text = rfc3339(since);
        let question = |ids: &[&str], pulls: usize| GraphqlRequest {
            query: CONVERSATIONS,
            variables: json!({
                "ids": ids, "pulls": pulls, "issues": ISSUES, "since": since_text, "nested": nested(10 * pulls),
            }),
            lists: 1 + ids.len() * (2 + 2 * pulls + ISSUES),
            can_shrink: loads.batch.can_shrink(),
        };
        let mut nodes: Vec<(Option<Repository>, Option<SourceError>)> = Vec::new();
        nodes.resize_with(ids.len(), || {
            (None, Some(self.failure(SourceErrorKind::Malformed, "no answer".into())))
        });
        self.nodes(&loads.batch, &texts, question, |answered| {
            nodes[answered.index] = (answered.node, answered.error)
        })
        .await;
        let mut outcomes = HashMap::with_capacity(ids.len());
        for (id, (node, error)) in ids.iter().zip(nodes) {
            let read = match node {
                Some(node) => self.repository(loads, id, node, since, found).await,
                None => Ok(()),
            };
            outcomes.insert(id.clone(), error.map_or(read, Err));
        }
        outcomes
    }

    async fn repository(
        &self,
        loads: &ConversationLoads,
        id: &RepoId,
        node: Repository,
        since: Timestamp,
        found: &mut FoundConversations,
    ) -> Result<(), SourceError> {
        if let Some(name) = node.name {
            found.names.insert(id.clone(), name.into());
        }
        let pulls = node.pull_requests.unwrap_or_default();
        self.list(loads, id, pulls, PULLS_PAGE, since, found).await?;
        self.list(loads, id, node.issues.unwrap_or_default(), ISSUES_PAGE, since, found).await
    }

    /// Follows a list of conversations, the one changed last first, until they are older than `since`.
    async fn list(
        &self,
        loads: &ConversationLoads,
        id: &RepoId,
        first: Connection<Conversation>,
        more: QueryTemplate,
        since: Timestamp,
        found: &mut FoundConversations,
    ) -> Result<(), SourceError> {
        let mut page = first;
        loop {
            for conversation in page.nodes.iter().flatten() {
                if conversation.updated_at.is_some_and(|at| at < since) {
                    return Ok(());
                }
                found.take(id, conversation);
                self.deepen(id, conversation, since, found).await?;
            }
            let Some(after) = page.page_info.next() else { return Ok(()) };
            let is_pulls = more.name == PULLS_PAGE.name;
            let question = |size: usize| {
                let mut variables =
                    json!({ "id": id.as_str(), "first": size, "after": after, "nested": nested(size) });
                if !is_pulls {
                    variables["since"] = json!(rfc3339(since));
                }
                GraphqlRequest {
                    query: more,
                    variables,
                    lists: 1 + 2 * size,
                    can_shrink: loads.page.can_shrink(),
                }
            };
            let told = self.page::<NodeData<Repository>>(&loads.page, question, |_| ()).await?;
            let Some(node) = told.data.node else { return Ok(()) };
            page = if is_pulls { node.pull_requests } else { node.issues }.unwrap_or_default();
        }
    }
}
