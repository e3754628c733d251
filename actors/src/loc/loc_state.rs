//! What a collector of lines of code remembers: its repositories, and the budget of the hour.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::repository_loc::{RepositoryLoc, exposed_since};
use super::{HourBudget, LocSettings, LocSource};
use crate::activity::{RepoId, RepoState, Timestamp};
use crate::source::ListedRepository;

/// How many of the requested commits may be read.
pub(super) struct Grant {
    pub(super) commits: usize,
    /// The hour's budget is used up, for the first time in this hour.
    pub(super) exhausted: bool,
}

/// The state of a collector, which concurrent updates of repositories share.
pub(super) struct LocState {
    repositories: Mutex<HashMap<RepoId, RepositoryLoc>>,
    budget: Mutex<HourBudget>,
}

impl LocState {
    pub(super) fn new(settings: &LocSettings) -> Self {
        let budget = Mutex::new(HourBudget::new(settings.commits_per_hour));
        LocState { repositories: Mutex::default(), budget }
    }

    /// The repositories that need an update, the one with the oldest update first.
    pub(super) fn due<'a>(
        &self,
        repositories: &'a [(ListedRepository, &'a RepoState)],
        now: Timestamp,
        settings: &LocSettings,
    ) -> Vec<(&'a ListedRepository, &'a RepoState)> {
        let known = self.repositories();
        let mut due: Vec<_> = repositories
            .iter()
            .filter_map(|(repository, state)| {
                let loc = known.get(&repository.id);
                let is_due = match loc {
                    Some(loc) => loc.needs_update(state, now, settings),
                    // Without a later push there is no commit whose lines could be exposed.
                    None => repository.pushed_at.is_none_or(|at| at >= exposed_since(now)),
                };
                is_due.then(|| (loc.map(|loc| loc.updated_at), repository, *state))
            })
            .collect();
        due.sort_by_key(|(updated_at, repository, _)| (*updated_at, &repository.id));
        due.into_iter().map(|(_, repository, state)| (repository, state)).collect()
    }

    pub(super) fn get(&self, repository: &ListedRepository, now: Timestamp) -> RepositoryLoc {
        let known = self.repositories().get(&repository.id).cloned();
        known.unwrap_or_else(|| RepositoryLoc::new(repository, now))
    }

    pub(super) fn set(&self, id: &RepoId, loc: RepositoryLoc) {
        self.repositories().insert(id.clone(), loc);
    }

    /// Forgets repositories that no longer exist.
    pub(super) fn retain(&self, repositories: &[(ListedRepository, &RepoState)]) {
        let present: HashSet<&RepoId> = repositories.iter().map(|(repository, _)| &repository.id).collect();
        self.repositories().retain(|id, _| present.contains(id));
    }

    /// Where the lines of the repositories with commits come from.
    pub(super) fn sources(&self) -> Vec<LocSource> {
        self.repositories().values().filter(|loc| loc.has_commits).map(RepositoryLoc::source).collect()
    }

    /// Takes up to `commits` out of the hour's budget.
    pub(super) fn grant(&self, commits: usize, now: Timestamp) -> Grant {
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        let granted = budget.take(commits, now);
        Grant { commits: granted, exhausted: granted < commits && budget.first_exhausted() }
    }

    fn repositories(&self) -> MutexGuard<'_, HashMap<RepoId, RepositoryLoc>> {
        self.repositories.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
