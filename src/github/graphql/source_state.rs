//! What all requests of a GraphQL source share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use github_stats_actors::activity::MINUTE;
use github_stats_actors::source::RequestPriority;

use super::branch_tips::BranchTips;
use super::branches::CommitBatchSizes;
use super::conversations::ConversationBatchSizes;
use super::seen_facts::SeenFacts;
use super::session::GraphqlSession;
use crate::github::client::GithubClient;
use crate::github::repo_selector::RepoSelector;

/// How much earlier than requested to read, in seconds, because GitHub's responses lag behind its
/// events.
pub const OVERLAP: i64 = 2 * MINUTE;

/// The client, batch sizes and memory of a source.
pub struct SourceState {
    pub client: GithubClient,
    selects: RepoSelector,
    pub commit_sizes: CommitBatchSizes,
    pub conversation_sizes: ConversationBatchSizes,
    seen_facts: Mutex<SeenFacts>,
    /// Whether the account turned out to be a user's.
    is_user: AtomicBool,
}

impl SourceState {
    pub fn new(client: GithubClient, selects: RepoSelector) -> Self {
        SourceState {
            client,
            selects,
            commit_sizes: CommitBatchSizes::default(),
            conversation_sizes: ConversationBatchSizes::default(),
            seen_facts: Mutex::default(),
            is_user: AtomicBool::new(false),
        }
    }

    /// A new session with this priority.
    pub fn session(&self, priority: RequestPriority) -> GraphqlSession {
        GraphqlSession::new(self.client.with_priority(priority))
    }

    pub fn seen_facts(&self) -> MutexGuard<'_, SeenFacts> {
        self.seen_facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The account as a qualifier of the search, such as `org:acme`.
    pub fn search_qualifier(&self) -> String {
        let kind = if self.is_user.load(Ordering::Relaxed) { "user" } else { "org" };
        format!("{kind}:{}", self.client.org())
    }

    /// Records whether the account is a user's.
    pub fn set_is_user(&self, is_user: bool) {
        self.is_user.store(is_user, Ordering::Relaxed);
    }

    /// Removes the repositories that are not to be collected.
    pub fn remove_unselected(&self, tips: &mut BranchTips) {
        tips.repositories.retain(|_, (listed, _)| (self.selects)(listed.name.as_str()));
    }
}
