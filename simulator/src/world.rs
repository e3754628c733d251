//! Everything GitHub knows, and will know.

use indexmap::IndexMap;
use jiff::Timestamp;

use crate::account::{Account, AccountKind};
use crate::repository::Repository;

/// 2020-01-01T00:00:00Z: accounts are created then, so that they always exist.
const BEGINNING: i64 = 1_577_836_800;

/// Accounts with their repositories.
#[derive(Debug, Clone, Default)]
pub struct World {
    accounts: IndexMap<String, Account>,
}

impl World {
    /// A world without accounts.
    pub fn new() -> Self {
        Self::default()
    }

    /// The organisation `login`, made if it does not exist.
    pub fn org(&mut self, login: &str) -> &mut Account {
        self.account_of_kind(login, AccountKind::Organization)
    }

    /// The user account `login`, made if it does not exist.
    pub fn user(&mut self, login: &str) -> &mut Account {
        self.account_of_kind(login, AccountKind::User)
    }

    /// The account `login`, in any case of its letters.
    pub fn account(&self, login: &str) -> Option<&Account> {
        self.accounts.get(&login.to_lowercase())
    }

    /// All accounts.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values()
    }

    /// The repository with this REST id, and its owner.
    pub(crate) fn repository_by_id(&self, id: u64) -> Option<(&Account, &Repository)> {
        self.repository_by_ordinal(Repository::ordinal_of(id)?)
    }

    /// The repository with this ordinal, and its owner.
    pub(crate) fn repository_by_ordinal(&self, ordinal: u64) -> Option<(&Account, &Repository)> {
        let (account, place) = Account::place_of_ordinal(ordinal);
        let (_, account) = self.accounts.get_index(usize::try_from(account.checked_sub(1)?).ok()?)?;
        Some((account, account.repositories.get(place)?))
    }

    fn account_of_kind(&mut self, login: &str, kind: AccountKind) -> &mut Account {
        let ordinal = self.accounts.len() as u64 + 1;
        let created_at = Timestamp::from_second(BEGINNING).unwrap_or(Timestamp::UNIX_EPOCH);
        let entry = self.accounts.entry(login.to_lowercase());
        entry.or_insert_with(|| Account::new(login, kind, ordinal, created_at))
    }
}
