//! The repositories that must be sent to the shared store.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::activity::RepoKey;
use crate::store::{SharedState, SharedTable, StoreError};

/// Marks do not expire in practice: ten years.
const MARK_TTL: Duration = Duration::from_secs(10 * 365 * 86_400);
/// Separates organisation and repository in a mark's key; no name contains it.
const SEPARATOR: char = '\n';

/// The marks, in memory and persisted.
pub(super) struct UnsentChanges {
    persisted: Arc<dyn SharedState>,
    marks: Mutex<Marks>,
}

#[derive(Default)]
struct Marks {
    last: u64,
    by_repository: BTreeMap<RepoKey, u64>,
}

impl UnsentChanges {
    /// Loads the marks of an earlier process.
    pub(super) async fn load(persisted: Arc<dyn SharedState>) -> Result<Self, StoreError> {
        let entries = persisted.entries(SharedTable::Unsent).await?;
        let by_repository = entries.iter().filter_map(|(key, _)| Some((parse(key)?, 0))).collect();
        Ok(UnsentChanges { persisted, marks: Mutex::new(Marks { last: 0, by_repository }) })
    }

    /// The marked repositories, each with its latest mark.
    pub(super) fn marked(&self) -> Vec<(RepoKey, u64)> {
        self.lock().by_repository.iter().map(|(key, mark)| (key.clone(), *mark)).collect()
    }

    /// Marks a repository, or renews its mark.
    pub(super) async fn mark(&self, key: &RepoKey) -> Result<(), StoreError> {
        let is_new = {
            let mut marks = self.lock();
            marks.last += 1;
            let mark = marks.last;
            marks.by_repository.insert(key.clone(), mark).is_none()
        };
        if is_new {
            self.persisted.put(SharedTable::Unsent, &mark_key(key), b"", MARK_TTL).await?;
        }
        Ok(())
    }

    /// Removes a mark, unless it was renewed meanwhile.
    pub(super) async fn unmark(&self, key: &RepoKey, mark: u64) -> Result<(), StoreError> {
        let removed = {
            let mut marks = self.lock();
            let is_latest = marks.by_repository.get(key) == Some(&mark);
            is_latest && marks.by_repository.remove(key).is_some()
        };
        if removed {
            self.persisted.remove(SharedTable::Unsent, &mark_key(key)).await?;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Marks> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn mark_key(key: &RepoKey) -> String {
    format!("{}{SEPARATOR}{}", key.org, key.id)
}

fn parse(key: &str) -> Option<RepoKey> {
    let (org, id) = key.split_once(SEPARATOR)?;
    Some(RepoKey { org: org.into(), id: id.into() })
}
