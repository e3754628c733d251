//! Who writes to a repository next, among the callers of this process.

use std::hash::{BuildHasher, RandomState};

use github_stats_actors::activity::RepoKey;
use tokio::sync::{Mutex, MutexGuard};

/// Callers that write to the same repository wait here for each other instead of deciding in vain. Other replicas do not wait:
/// the version tells.
pub(super) struct KeyedLocks {
    stripes: Vec<Mutex<()>>,
    hasher: RandomState,
}

impl KeyedLocks {
    pub(super) fn new() -> Self {
        KeyedLocks { stripes: (0..256).map(|_| Mutex::default()).collect(), hasher: RandomState::new() }
    }

    /// Waits until nobody else of this process writes to the repository.
    pub(super) async fn of(&self, key: &RepoKey) -> MutexGuard<'_, ()> {
        let stripe = self.hasher.hash_one(key) as usize % self.stripes.len();
        self.stripes[stripe].lock().await
    }
}
