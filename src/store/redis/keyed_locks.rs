//! Locks by repository, among the callers of this process.

use std::hash::{BuildHasher, RandomState};

use github_stats_actors::activity::RepoKey;
use tokio::sync::{Mutex, MutexGuard};

/// A striped lock by repository. Writers of the same process wait for each other instead of running
/// into conflicts; conflicts with other replicas are detected by the repository's version.
pub(super) struct KeyedLocks {
    stripes: Vec<Mutex<()>>,
    hasher: RandomState,
}

impl KeyedLocks {
    pub(super) fn new() -> Self {
        KeyedLocks { stripes: (0..256).map(|_| Mutex::default()).collect(), hasher: RandomState::new() }
    }

    /// Waits until no other task of this process writes to the repository.
    pub(super) async fn lock(&self, key: &RepoKey) -> MutexGuard<'_, ()> {
        let stripe = self.hasher.hash_one(key) as usize % self.stripes.len();
        self.stripes[stripe].lock().await
    }
}
