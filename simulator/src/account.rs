//! An organisation or a user that owns repositories.

use jiff::Timestamp;

use crate::repository::Repository;

/// The ordinals of an account's repositories begin at its own ordinal times this.
const REPOSITORIES: u64 = 100_000;

/// What kind of account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountKind {
    /// An organisation.
    Organization,
    /// A person.
    User,
}

/// An owner of repositories.
#[derive(Debug, Clone)]
pub struct Account {
    pub(crate) login: String,
    pub(crate) kind: AccountKind,
    pub(crate) ordinal: u64,
    pub(crate) created_at: Timestamp,
    pub(crate) repositories: Vec<Repository>,
}

impl Account {
    pub(crate) fn new(login: &str, kind: AccountKind, ordinal: u64, created_at: Timestamp) -> Self {
        Self { login: login.to_owned(), kind, ordinal, created_at, repositories: Vec::new() }
    }

    /// Its login.
    pub fn login(&self) -> &str {
        &self.login
    }

    /// Organisation or user.
    pub fn kind(&self) -> AccountKind {
        self.kind
    }

    /// The repository that is, was or will be called `name`; an empty one is made if there is none.
    pub fn repo(&mut self, name: &str) -> &mut Repository {
        let place = self.place_of(name).unwrap_or_else(|| self.create(name));
        &mut self.repositories[place]
    }

    /// Creates another repository, even where a deleted or renamed one had the same name.
    pub fn create_repo(&mut self, name: &str, at: Timestamp) -> &mut Repository {
        let place = self.create(name);
        self.repositories[place].created_at(at)
    }

    /// All repositories, in the order of their creation in this world.
    pub fn repositories(&self) -> &[Repository] {
        &self.repositories
    }

    /// The account and the place in its list that a repository's ordinal stands for.
    pub(crate) fn place_of_ordinal(ordinal: u64) -> (u64, usize) {
        (ordinal / REPOSITORIES, (ordinal % REPOSITORIES) as usize)
    }

    fn create(&mut self, name: &str) -> usize {
        let ordinal = self.ordinal * REPOSITORIES + self.repositories.len() as u64;
        self.repositories.push(Repository::new(ordinal, name, self.created_at));
        self.repositories.len() - 1
    }

    /// The current bearer of a name comes before one that gave it up.
    fn place_of(&self, name: &str) -> Option<usize> {
        let same = |given: &str| given.eq_ignore_ascii_case(name);
        let bears = |repo: &Repository| repo.names.last().is_some_and(|(_, last)| same(last));
        let bore = |repo: &Repository| repo.names.iter().any(|(_, given)| same(given));
        let repos = &self.repositories;
        repos.iter().rposition(bears).or_else(|| repos.iter().rposition(bore))
    }
}
