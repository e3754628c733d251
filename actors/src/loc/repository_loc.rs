//! What is known about the lines of code of one repository.

use std::collections::HashSet;

use super::{LocSettings, LocSource, LocSourceMode};
use crate::activity::{Oid, RepoName, RepoState, Timestamp, last_complete_week};
use crate::source::ListedRepository;

/// What is known about the lines of code of one repository.
#[derive(Clone, Debug)]
pub(super) struct RepositoryLoc {
    pub(super) name: RepoName,
    pub(super) mode: LocSourceMode,
    /// The tip and the week at the last update: new commits and a new week are reasons for another.
    pub(super) updated_for: Option<(Option<Oid>, Timestamp)>,
    pub(super) updated_at: Timestamp,
    /// Whether there are commits whose lines are exposed now or later.
    pub(super) has_commits: bool,
    /// Commits that were read one by one and have no lines.
    pub(super) without_loc: HashSet<Oid>,
    /// Commits whose author is missing from the latest statistics.
    pub(super) unattributed: HashSet<Oid>,
    /// Commits without lines that wait for the budget, or for an answer.
    pub(super) waiting: usize,
    /// Commits without lines that will not be read one by one.
    pub(super) left_out: usize,
}

impl RepositoryLoc {
    pub(super) fn new(repository: &ListedRepository, now: Timestamp) -> Self {
        RepositoryLoc {
            name: repository.name.clone(),
            mode: LocSourceMode::start(now),
            updated_for: None,
            updated_at: now,
            has_commits: false,
            without_loc: HashSet::new(),
            unattributed: HashSet::new(),
            waiting: 0,
            left_out: 0,
        }
    }

    pub(super) fn needs_update(&self, state: &RepoState, now: Timestamp, settings: &LocSettings) -> bool {
        let is_old = now.seconds_since(self.updated_at) >= settings.refresh_interval;
        let is_request_due = self.mode.at(now, settings).is_request_due(now);
        self.updated_for != Some((tip(state), exposed_since(now)))
            || (self.has_commits && (is_request_due || self.waiting > 0 || is_old))
    }

    pub(super) fn source(&self) -> LocSource {
        LocSource {
            repo: self.name.clone(),
            mode: self.mode.as_str(),
            incomplete: self.waiting + self.left_out > 0,
        }
    }
}

pub(super) fn tip(state: &RepoState) -> Option<Oid> {
    state.head.as_ref().and_then(|head| head.oid)
}

/// The lines of earlier commits are not exposed any more.
pub(super) fn exposed_since(now: Timestamp) -> Timestamp {
    last_complete_week(now).from()
}
