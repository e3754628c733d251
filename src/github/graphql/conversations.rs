//! Pull requests and issues with their reviews and comments.

use std::collections::HashMap;

use github_stats_actors::activity::{DAY, Fact, RepoId, RepoName, Timestamp};
use github_stats_actors::source::SourceError;
use serde_json::json;

use super::batch_size::BatchSize;
use super::convert;
use super::model::{Connection, Conversation, NodeData, Repository, ReviewOrComment};
use super::queries::{COMMENTS_PAGE, CONVERSATIONS, ISSUES_PAGE, PULLS_PAGE, QueryTemplate, REVIEWS_PAGE};
use super::seen_facts::SeenFacts;
use super::session::{GraphqlRequest, GraphqlSession};
use crate::github::time_format::rfc3339;

/// Reviews are listed by the time they were begun, which can be this long before they are
/// submitted.
const LONGEST_REVIEW: i64 = 7 * DAY;
/// Issues requested with each repository.
const ISSUES: usize = 2;
/// Pull requests or issues on a further page: 1 + 2 × 49 connections cost a point.
const FURTHER_PAGE: usize = 49;

/// The batch sizes of the queries for conversations.
#[derive(Debug)]
pub struct ConversationBatchSizes {
    /// Repositories and pull requests of each: 14 × (2 + 2 × 3 + 2) connections cost a point.
    pub batch: BatchSize,
    /// A further page of one repository.
    pub page: BatchSize,
    /// A page of the search: 2 + 3 × 49 connections cost a point.
    pub search: BatchSize,
}

impl Default for ConversationBatchSizes {
    fn default() -> Self {
        ConversationBatchSizes {
            batch: BatchSize::new(14, 3),
            page: BatchSize::new(1, FURTHER_PAGE),
            search: BatchSize::new(1, FURTHER_PAGE),
        }
    }
}

/// Reviews and comments requested with each conversation. They cost no points, only execution time.
pub fn nested_page(page: usize) -> usize {
    page.clamp(4, 30)
}

/// The conversations found so far, by repository.
#[derive(Debug, Default)]
pub struct FoundConversations {
    pub facts: HashMap<RepoId, Vec<Fact>>,
    /// The current names of the repositories.
    pub names: HashMap<RepoId, RepoName>,
    /// What is still to be recorded in [`SeenFacts`].
    pub sightings: Vec<Sighting>,
}

/// Something that was seen and is to be recorded in [`SeenFacts`].
#[derive(Debug)]
pub enum Sighting {
    /// A review or a comment with its node id.
    ReviewOrComment(RepoId, Fact, String),
    /// The time of the latest activity seen in a repository.
    Activity(RepoId, Timestamp),
}

impl FoundConversations {
    fn add(&mut self, repo: &RepoId, facts: impl IntoIterator<Item = Fact>) {
        self.facts.entry(repo.clone()).or_default().extend(facts);
    }

    fn add_review_or_comment(&mut self, repo: &RepoId, node: &str, fact: Option<Fact>) {
        let Some(fact) = fact else { return };
        self.sightings.push(Sighting::ReviewOrComment(repo.clone(), fact.clone(), node.to_owned()));
        self.add(repo, [fact]);
    }

    /// Adds a conversation with the reviews and comments that were returned with it.
    pub fn add_conversation(&mut self, repo: &RepoId, conversation: &Conversation) {
        self.add(repo, convert::pull_request(conversation));
        for review in entries(conversation.reviews.as_ref()) {
            self.add_review_or_comment(repo, &review.id, convert::review(review));
        }
        for comment in entries(conversation.comments.as_ref()) {
            self.add_review_or_comment(repo, &comment.id, convert::comment(comment));
        }
        if let Some(at) = conversation.updated_at {
            self.sightings.push(Sighting::Activity(repo.clone(), at));
        }
    }

    /// Records what was seen at `now`.
    pub fn record_sightings(&mut self, seen: &mut SeenFacts, now: Timestamp) {
        for sighting in self.sightings.drain(..) {
            match sighting {
                Sighting::ReviewOrComment(repo, fact, node) => {
                    seen.record_seen(&repo, fact.id, &node, fact.at, now)
                }
                Sighting::Activity(repo, at) => seen.record_activity(&repo, at),
            }
        }
    }
}

fn entries(list: Option<&Connection<ReviewOrComment>>) -> impl Iterator<Item = &ReviewOrComment> {
    list.into_iter().flat_map(|list| list.nodes.iter().flatten())
}

/// The cursor of the previous page, if that page may contain entries since `since`.
fn previous_page(list: Option<&Connection<ReviewOrComment>>, since: Timestamp) -> Option<String> {
    let list = list?;
    let oldest = list.nodes.iter().flatten().filter_map(|entry| entry.created_at).min();
    list.page_info.previous().filter(|_| oldest.is_none_or(|oldest| oldest >= since))
}

impl GraphqlSession {
    /// Reads the reviews and comments since `since` that were not returned with a conversation.
    pub async fn fetch_earlier_entries(
        &self,
        repo: &RepoId,
        conversation: &Conversation,
        since: Timestamp,
        found: &mut FoundConversations,
    ) -> Result<(), SourceError> {
        let Some(id) = conversation.id.as_deref() else { return Ok(()) };
        let mut before = previous_page(conversation.reviews.as_ref(), since - LONGEST_REVIEW);
        while let Some(cursor) = before {
            let page = self.fetch_entries(REVIEWS_PAGE, id, cursor, |node| node.reviews).await?;
            for review in entries(Some(&page)) {
                found.add_review_or_comment(repo, &review.id, convert::review(review));
            }
            before = previous_page(Some(&page), since - LONGEST_REVIEW);
        }
        let mut before = previous_page(conversation.comments.as_ref(), since);
        while let Some(cursor) = before {
            let page = self.fetch_entries(COMMENTS_PAGE, id, cursor, |node| node.comments).await?;
            for comment in entries(Some(&page)) {
                found.add_review_or_comment(repo, &comment.id, convert::comment(comment));
            }
            before = previous_page(Some(&page), since);
        }
        Ok(())
    }

    async fn fetch_entries(
        &self,
        template: QueryTemplate,
        id: &str,
        before: String,
        part: impl Fn(Conversation) -> Option<Connection<ReviewOrComment>>,
    ) -> Result<Connection<ReviewOrComment>, SourceError> {
        let batch_size = BatchSize::new(1, 1);
        let variables = json!({ "id": id, "before": before });
        let query = |_| GraphqlRequest {
            query: template,
            variables: variables.clone(),
            connections: 1,
            can_shrink: false,
        };
        let data = self.fetch_page::<NodeData<Conversation>>(&batch_size, query).await?;
        // The conversation may have been deleted meanwhile.
        Ok(data.node.and_then(part).unwrap_or_default())
    }

    /// Reads the conversations of these repositories that changed since `since`, without the
    /// search. Returns the outcome for each repository.
    pub async fn fetch_conversations(
        &self,
        sizes: &ConversationBatchSizes,
        ids: &[RepoId],
        since: Timestamp,
        found: &mut FoundConversations,
    ) -> HashMap<RepoId, Result<(), SourceError>> {
        let texts: Vec<&str> = ids.iter().map(RepoId::as_str).collect();
        let since_text = rfc3339(since);
        let query = |ids: &[&str], pulls: usize| GraphqlRequest {
            query: CONVERSATIONS,
            variables: json!({
                "ids": ids, "pulls": pulls, "issues": ISSUES, "since": since_text, "nested": nested_page(10 * pulls),
            }),
            connections: 1 + ids.len() * (2 + 2 * pulls + ISSUES),
            can_shrink: sizes.batch.can_shrink(),
        };
        let mut nodes: Vec<(Option<Repository>, Option<SourceError>)> = Vec::new();
        nodes.resize_with(ids.len(), || (None, Some(self.no_response_error())));
        self.fetch_nodes(&sizes.batch, &texts, query, |result| {
            nodes[result.index] = (result.node, result.error)
        })
        .await;
        let mut outcomes = HashMap::with_capacity(ids.len());
        for (id, (node, error)) in ids.iter().zip(nodes) {
            let read = match node {
                Some(node) => self.read_repository(sizes, id, node, since, found).await,
                None => Ok(()),
            };
            outcomes.insert(id.clone(), error.map_or(read, Err));
        }
        outcomes
    }

    async fn read_repository(
        &self,
        sizes: &ConversationBatchSizes,
        id: &RepoId,
        node: Repository,
        since: Timestamp,
        found: &mut FoundConversations,
    ) -> Result<(), SourceError> {
        if let Some(name) = node.name {
            found.names.insert(id.clone(), name.into());
        }
        let pulls = node.pull_requests.unwrap_or_default();
        self.read_list(sizes, id, pulls, PULLS_PAGE, since, found).await?;
        self.read_list(sizes, id, node.issues.unwrap_or_default(), ISSUES_PAGE, since, found).await
    }

    /// Reads a list of conversations, the most recently changed first, until they are older than
    /// `since`.
    async fn read_list(
        &self,
        sizes: &ConversationBatchSizes,
        id: &RepoId,
        first: Connection<Conversation>,
        further_pages: QueryTemplate,
        since: Timestamp,
        found: &mut FoundConversations,
    ) -> Result<(), SourceError> {
        let mut page = first;
        loop {
            for conversation in page.nodes.iter().flatten() {
                if conversation.updated_at.is_some_and(|at| at < since) {
                    return Ok(());
                }
                found.add_conversation(id, conversation);
                self.fetch_earlier_entries(id, conversation, since, found).await?;
            }
            let Some(after) = page.page_info.next() else { return Ok(()) };
            let is_pulls = further_pages.name == PULLS_PAGE.name;
            let query = |size: usize| {
                let mut variables =
                    json!({ "id": id.as_str(), "first": size, "after": after, "nested": nested_page(size) });
                if !is_pulls {
                    variables["since"] = json!(rfc3339(since));
                }
                GraphqlRequest {
                    query: further_pages,
                    variables,
                    connections: 1 + 2 * size,
                    can_shrink: sizes.page.can_shrink(),
                }
            };
            let data = self.fetch_page::<NodeData<Repository>>(&sizes.page, query).await?;
            let Some(node) = data.node else { return Ok(()) };
            page = if is_pulls { node.pull_requests } else { node.issues }.unwrap_or_default();
        }
    }
}
