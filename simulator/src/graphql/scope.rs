//! What the fields of one query can see.

use crate::account::Account;
use crate::context::{Context, Found};
use crate::ledger::Balance;
use crate::repository::Repository;
use crate::token::Permission;

use super::cost::Cost;
use super::error::GraphqlError;

/// The surroundings of a query that is being executed.
pub(crate) struct Scope<'a> {
    pub(crate) context: &'a Context<'a>,
    pub(crate) cost: Cost,
    /// What is left once this query is paid.
    pub(crate) balance: Balance,
}

impl<'a> Scope<'a> {
    /// Whether the caller sees a repository now.
    pub(crate) fn shows(&self, account: &Account, repo: &Repository) -> bool {
        repo.exists(self.context.now) && self.context.sees(account, repo)
    }

    /// The repositories of an account that the caller sees.
    pub(crate) fn repositories(&self, account: &'a Account) -> impl Iterator<Item = Found<'a>> {
        let shown = account.repositories.iter().filter(move |repo| self.shows(account, repo));
        shown.map(move |repo| Found { account, repo })
    }

    /// The repository of this ordinal, if the caller sees it.
    pub(crate) fn by_ordinal(&self, ordinal: u64) -> Option<Found<'a>> {
        let (account, repo) = self.context.world.repository_by_ordinal(ordinal)?;
        self.shows(account, repo).then_some(Found { account, repo })
    }

    /// Refuses what the token may not read.
    pub(crate) fn permit(&self, needed: Permission) -> Result<(), GraphqlError> {
        let token = self.context.token;
        if !token.is_some_and(|token| token.denied.contains(&needed)) {
            return Ok(());
        }
        let who = token.map_or("personal access token", |token| token.bearer());
        Err(GraphqlError::new("FORBIDDEN", format!("Resource not accessible by {who}")))
    }
}
