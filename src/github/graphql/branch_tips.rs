//! Lists the repositories of an account with their branch tips, the most recently pushed first.

use std::collections::HashMap;

use github_stats_actors::activity::{Oid, RepoId, Timestamp};
use github_stats_actors::source::{ListedRepository, SourceError, SourceErrorKind};
use serde_json::{Value, json};

use super::batch_size::BatchSize;
use super::conversations::{ConversationBatchSizes, nested_page};
use super::model::{Connection, Conversation, Owner, PollData, Repository};
use super::queries::{LIST, POLL};
use super::search::SearchSlice;
use super::session::{GraphqlRequest, GraphqlSession};

/// Repositories on a page; GitHub's maximum.
const PAGE: usize = 100;

/// Repositories and the tips of their default branches.
#[derive(Debug, Default)]
pub struct BranchTips {
    /// By id; the tip is `None` for an empty repository.
    pub repositories: HashMap<RepoId, (ListedRepository, Option<Oid>)>,
    /// Whether the account is a user.
    pub is_user: bool,
    /// The first page of the search that was requested along with them.
    pub conversations: Option<Connection<Conversation>>,
}

impl BranchTips {
    fn add(&mut self, page: &Connection<Repository>) {
        for node in page.nodes.iter().flatten() {
            let (Some(id), Some(name)) = (&node.id, &node.name) else { continue };
            let tip = node.default_branch_ref.as_ref().and_then(|branch| branch.target.as_ref());
            let tip = tip.and_then(|target| target.oid.as_deref()).and_then(|oid| oid.parse().ok());
            let id = RepoId::from(id.as_str());
            let listed =
                ListedRepository { id: id.clone(), name: name.as_str().into(), pushed_at: node.pushed_at };
            self.repositories.insert(id, (listed, tip));
        }
    }
}

/// Whether all further repositories were last pushed before `until`.
fn reaches_back_to(page: &Connection<Repository>, until: Option<Timestamp>) -> bool {
    let last = page.nodes.iter().flatten().next_back();
    until.is_some_and(|until| last.is_some_and(|node| node.pushed_at.is_none_or(|at| at < until)))
}

impl GraphqlSession {
    /// Lists the repositories pushed since `until`, or all of them, and begins a search.
    pub async fn poll(
        &self,
        sizes: &ConversationBatchSizes,
        until: Option<Timestamp>,
        search: (&str, SearchSlice),
    ) -> Result<BranchTips, SourceError> {
        let search = search.1.query(search.0);
        let owner = self.client.org().as_str();
        let query = |size: usize| GraphqlRequest {
            query: POLL,
            variables: json!({
                "owner": owner, "first": PAGE, "after": Value::Null,
                "search": search, "found": size, "nested": nested_page(size),
            }),
            connections: 2 + 3 * size,
            can_shrink: sizes.search.can_shrink(),
        };
        let mut tips = BranchTips::default();
        let data = self.fetch_page::<PollData>(&sizes.search, query).await?;
        tips.conversations = data.search;
        self.read_pages(data.repository_owner, until, &mut tips).await?;
        Ok(tips)
    }

    /// Lists all repositories.
    pub async fn list_all(&self) -> Result<BranchTips, SourceError> {
        let mut tips = BranchTips::default();
        let owner = self.fetch_repositories(None).await?;
        self.read_pages(owner, None, &mut tips).await?;
        Ok(tips)
    }

    async fn read_pages(
        &self,
        first: Option<Owner>,
        until: Option<Timestamp>,
        tips: &mut BranchTips,
    ) -> Result<(), SourceError> {
        let mut owner = first;
        loop {
            let Some(Owner { kind, repositories: page }) = owner else {
                return Err(self.unknown_account_error());
            };
            tips.is_user = kind.as_deref() == Some("User");
            tips.add(&page);
            let Some(after) = page.page_info.next().filter(|_| !reaches_back_to(&page, until)) else {
                return Ok(());
            };
            owner = self.fetch_repositories(Some(after)).await?;
        }
    }

    async fn fetch_repositories(&self, after: Option<String>) -> Result<Option<Owner>, SourceError> {
        let batch_size = BatchSize::new(1, PAGE);
        let owner = self.client.org().as_str();
        let query = |size: usize| GraphqlRequest {
            query: LIST,
            variables: json!({ "owner": owner, "first": size, "after": after }),
            connections: 1,
            can_shrink: batch_size.can_shrink(),
        };
        let data = self.fetch_page::<PollData>(&batch_size, query).await?;
        Ok(data.repository_owner)
    }

    fn unknown_account_error(&self) -> SourceError {
        let detail = format!(
            "there is no account \"{}\", or the credentials may not read it; check github.orgs[].org",
            self.client.org()
        );
        self.error(SourceErrorKind::NotFound, detail)
    }
}
