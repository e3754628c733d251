//! Everything that has happened on the simulated GitHub, and will happen.

use indexmap::IndexMap;
use jiff::Timestamp;

use crate::account::{AccountKind, OwnerAccount};
use crate::repository::Repository;

/// 2020-01-01T00:00:00Z, when all accounts are created, so that they always exist.
const BEGINNING: i64 = 1_577_836_800;

/// Accounts with their repositories.
#[derive(Debug, Clone, Default)]
pub struct GithubWorld {
    accounts: IndexMap<String, OwnerAccount>,
}

impl GithubWorld {
    /// An empty world.
    pub fn new() -> Self {
        Self::default()
    }

    /// The organisation `login`, which is created if it does not exist.
    pub fn org(&mut self, login: &str) -> &mut OwnerAccount {
        self.account_of_kind(login, AccountKind::Organization)
    }

    /// The user account `login`, which is created if it does not exist.
    pub fn user(&mut self, login: &str) -> &mut OwnerAccount {
        self.account_of_kind(login, AccountKind::User)
    }

    /// The account `login`, ignoring case.
    pub fn account(&self, login: &str) -> Option<&OwnerAccount> {
        self.accounts.get(&login.to_lowercase())
    }

    /// All accounts.
    pub fn accounts(&self) -> impl Iterator<Item = &OwnerAccount> {
        self.accounts.values()
    }

    /// The repository with this REST id, and its owner.
    pub(crate) fn repository_by_id(&self, id: u64) -> Option<(&OwnerAccount, &Repository)> {
        self.repository_by_ordinal(Repository::ordinal_of(id)?)
    }

    /// The repository with this ordinal, and its owner.
    pub(crate) fn repository_by_ordinal(&self, ordinal: u64) -> Option<(&OwnerAccount, &Repository)> {
        let (account, index) = OwnerAccount::account_and_index(ordinal);
        let (_, account) = self.accounts.get_index(usize::try_from(account.checked_sub(1)?).ok()?)?;
        Some((account, account.repositories.get(index)?))
    }

    fn account_of_kind(&mut self, login: &str, kind: AccountKind) -> &mut OwnerAccount {
        let ordinal = self.accounts.len() as u64 + 1;
        let created_at = Timestamp::from_second(BEGINNING).unwrap_or(Timestamp::UNIX_EPOCH);
        let entry = self.accounts.entry(login.to_lowercase());
        entry.or_insert_with(|| OwnerAccount::new(login, kind, ordinal, created_at))
    }
}
