//! What the resolvers of one query have access to.

use crate::account::OwnerAccount;
use crate::context::{Context, FoundRepository};
use crate::rate_limit::RateLimitStatus;
use crate::repository::Repository;
use crate::token::Permission;

use super::cost::Cost;
use super::error::GraphqlError;

/// The context of a query that is being executed.
pub(crate) struct Scope<'a> {
    pub(crate) context: &'a Context<'a>,
    pub(crate) cost: Cost,
    /// The rate limit after this query has been charged.
    pub(crate) rate_limit_status: RateLimitStatus,
}

impl<'a> Scope<'a> {
    /// Whether a repository exists now and the caller has access to it.
    pub(crate) fn shows(&self, account: &OwnerAccount, repo: &Repository) -> bool {
        repo.exists(self.context.now) && self.context.sees(account, repo)
    }

    /// The repositories of an account that the caller has access to.
    pub(crate) fn repositories(
        &self,
        account: &'a OwnerAccount,
    ) -> impl Iterator<Item = FoundRepository<'a>> {
        let shown = account.repositories.iter().filter(move |repo| self.shows(account, repo));
        shown.map(move |repo| FoundRepository { account, repo })
    }

    /// The repository with this ordinal, if the caller has access to it.
    pub(crate) fn by_ordinal(&self, ordinal: u64) -> Option<FoundRepository<'a>> {
        let (account, repo) = self.context.world.repository_by_ordinal(ordinal)?;
        self.shows(account, repo).then_some(FoundRepository { account, repo })
    }

    /// Fails if the token lacks a permission.
    pub(crate) fn permit(&self, needed: Permission) -> Result<(), GraphqlError> {
        let token = self.context.token;
        if !token.is_some_and(|token| token.denied.contains(&needed)) {
            return Ok(());
        }
        let who = token.map_or("personal access token", |token| token.bearer());
        Err(GraphqlError::new("FORBIDDEN", format!("Resource not accessible by {who}")))
    }
}
