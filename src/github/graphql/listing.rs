//! The repositories of an account, the one pushed to last first.

use std::collections::HashMap;

use github_stats_actors::activity::{Oid, RepoId, Timestamp};
use github_stats_actors::source::{ListedRepository, SourceError, SourceErrorKind};
use serde_json::{Value, json};

use super::batch_size::BatchSize;
use super::conversations::{ConversationLoads, nested};
use super::model::{Connection, Conversation, LookData, Owner, Repository};
use super::queries::{LIST, LOOK};
use super::search::SearchSlice;
use super::session::{GraphqlRequest, GraphqlSession};

/// Repositories on a page; GitHub's most.
const PAGE: usize = 100;

/// Repositories and the tips of their default branches.
#[derive(Debug, Default)]
pub struct BranchTips {
    /// By id; the tip is `None` for an empty repository.
    pub tips: HashMap<RepoId, (ListedRepository, Option<Oid>)>,
    /// Whether the account is a user's.
    pub is_user: bool,
    /// The first page of the search that was asked along.
    pub conversations: Option<Connection<Conversation>>,
}

impl BranchTips {
    fn take(&mut self, page: &Connection<Repository>) {
        for node in page.nodes.iter().flatten() {
            let (Some(id), Some(name)) = (&node.id, &node.name) else { continue };
            let tip = node.default_branch_ref.as_ref().and_then(|branch| branch.target.as_ref());
            let tip = tip.and_then(|target| target.oid.as_deref()).and_then(|oid| oid.parse().ok());
            let id = RepoId::from(id.as_str());
            let listed =
                ListedRepository { id: id.clone(), name: name.as_str().into(), pushed_at: node.pushed_at };
            self.tips.insert(id, (listed, tip));
        }
    }
}

/// Whether a page ends before `until`, so that the rest was pushed to earlier still.
fn is_enough(page: &Connection<Repository>, until: Option<Timestamp>) -> bool {
    let last = page.nodes.iter().flatten().next_back();
    until.is_some_and(|until| last.is_some_and(|node| node.pushed_at.is_none_or(|at| at < until)))
}

impl GraphqlSession {
    /// Lists the repositories pushed to since `until`, or all of them, and begins a search.
    pub async fn look(
        &self,
        loads: &ConversationLoads,
        until: Option<Timestamp>,
        search: (&str, SearchSlice),
    ) -> Result<BranchTips, SourceError> {
        let search = search.1.query(search.0);
        let owner = self.client.org().as_str();
        let question = |size: usize| GraphqlRequest {
            query: LOOK,
            variables: json!({
                "owner": owner, "first": PAGE, "after": Value::Null,
                "search": search, "found": size, "nested": nested(size),
            }),
            lists: 2 + 3 * size,
            can_shrink: loads.search.can_shrink(),
        };
        let mut tips = BranchTips::default();
        let told = self.page::<LookData>(&loads.search, question, |_| ()).await?;
        let conversations = told.data.search;
        self.follow(told.data.repository_owner, until, &mut tips).await?;
        tips.conversations = conversations;
        Ok(tips)
    }

    /// Lists all repositories.
    pub async fn list_all(&self) -> Result<BranchTips, SourceError> {
        let mut tips = BranchTips::default();
        let owner = self.listed(None).await?;
        self.follow(owner, None, &mut tips).await?;
        Ok(tips)
    }

    async fn follow(
        &self,
        first: Option<Owner>,
        until: Option<Timestamp>,
        tips: &mut BranchTips,
    ) -> Result<(), SourceError> {
        let mut owner = first;
        loop {
            let Some(Owner { kind, repositories: page }) = owner else { return Err(self.nobody()) };
            tips.is_user = kind.as_deref() == Some("User");
            tips.take(&page);
            let Some(after) = page.page_info.next().filter(|_| !is_enough(&page, until)) else {
                return Ok(());
            };
            owner = self.listed(Some(after)).await?;
        }
    }

    async fn listed(&self, after: Option<String>) -> Result<Option<Owner>, SourceError> {
        let load = BatchSize::new(1, PAGE);
        let owner = self.client.org().as_str();
        let question = |size: usize| GraphqlRequest {
            query: LIST,
            variables: json!({ "owner": owner, "first": size, "after": after }),
            lists: 1,
            can_shrink: load.can_shrink(),
        };
        let told = self.page::<LookData>(&load, question, |_| ()).await?;
        Ok(told.data.repository_owner)
    }

    fn nobody(&self) -> SourceError {
        let detail = format!(
            "there is no account \"{}\", or the credentials may not see it; check github.orgs[].org",
            self.client.org()
        );
        self.failure(SourceErrorKind::NotFound, detail)
    }
}
