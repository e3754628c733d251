//! An organisation or a user that owns repositories.

use jiff::Timestamp;

use crate::repository::Repository;

/// Ordinals per account: the repositories of account `n` have the ordinals from `n` times this on.
const REPOSITORIES: u64 = 100_000;

/// The kinds of account that own repositories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountKind {
    /// An organisation.
    Organization,
    /// A user.
    User,
}

/// An owner of repositories.
#[derive(Debug, Clone)]
pub struct OwnerAccount {
    pub(crate) login: String,
    pub(crate) kind: AccountKind,
    pub(crate) ordinal: u64,
    pub(crate) created_at: Timestamp,
    pub(crate) repositories: Vec<Repository>,
}

impl OwnerAccount {
    pub(crate) fn new(login: &str, kind: AccountKind, ordinal: u64, created_at: Timestamp) -> Self {
        Self { login: login.to_owned(), kind, ordinal, created_at, repositories: Vec::new() }
    }

    /// The login, as given.
    pub fn login(&self) -> &str {
        &self.login
    }

    /// Whether it is an organisation or a user.
    pub fn kind(&self) -> AccountKind {
        self.kind
    }

    /// The repository that has, had or will have this name; an empty one is created if there is
    /// none.
    pub fn repo(&mut self, name: &str) -> &mut Repository {
        let index = self.index_of(name).unwrap_or_else(|| self.create(name));
        &mut self.repositories[index]
    }

    /// Creates another repository, even where a deleted or renamed one had the same name.
    pub fn create_repo(&mut self, name: &str, at: Timestamp) -> &mut Repository {
        let index = self.create(name);
        self.repositories[index].created_at(at)
    }

    /// All repositories, in the order of their creation in this world.
    pub fn repositories(&self) -> &[Repository] {
        &self.repositories
    }

    /// The account's ordinal, and the index among its repositories, of a repository's ordinal.
    pub(crate) fn account_and_index(ordinal: u64) -> (u64, usize) {
        (ordinal / REPOSITORIES, (ordinal % REPOSITORIES) as usize)
    }

    fn create(&mut self, name: &str) -> usize {
        let ordinal = self.ordinal * REPOSITORIES + self.repositories.len() as u64;
        self.repositories.push(Repository::new(ordinal, name, self.created_at));
        self.repositories.len() - 1
    }

    /// A repository that has the name now takes precedence over one that had it before.
    fn index_of(&self, name: &str) -> Option<usize> {
        let same = |given: &str| given.eq_ignore_ascii_case(name);
        let has_name = |repo: &Repository| repo.names.last().is_some_and(|(_, last)| same(last));
        let had_name = |repo: &Repository| repo.names.iter().any(|(_, given)| same(given));
        let repos = &self.repositories;
        repos.iter().rposition(has_name).or_else(|| repos.iter().rposition(had_name))
    }
}
