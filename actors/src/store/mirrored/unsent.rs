//! Which repositories the shared store is to be told of.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::activity::RepoKey;
use crate::store::{SharedState, SharedTable, StoreError};

/// Marks do not expire: ten years.
const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 86_400);
/// Between organisation and repository in a mark's key; no name holds it.
const SEPARATOR: char = '\n';

/// The marks, in memory and kept over restarts.
pub(super) struct UnsentChanges {
    kept: Arc<dyn SharedState>,
    marks: Mutex<Marks>,
}

#[derive(Default)]
struct Marks {
    last: u64,
    by_repository: BTreeMap<RepoKey, u64>,
}

impl UnsentChanges {
    /// The marks of an earlier process.
    pub(super) async fn load(kept: Arc<dyn SharedState>) -> Result<Self, StoreError> {
        let entries = kept.entries(SharedTable::Unsent).await?;
        let by_repository = entries.iter().filter_map(|(key, _)| Some((read(key)?, 0))).collect();
        Ok(UnsentChanges { kept, marks: Mutex::new(Marks { last: 0, by_repository }) })
    }

    /// The marked repositories, each with its latest mark.
    pub(super) fn marked(&self) -> Vec<(RepoKey, u64)> {
        self.lock().by_repository.iter().map(|(key, mark)| (key.clone(), *mark)).collect()
    }

    /// Marks a repository, anew if it is marked already.
    pub(super) async fn mark(&self, key: &RepoKey) -> Result<(), StoreError> {
        let is_new = {
            let mut marks = self.lock();
            marks.last += 1;
            let mark = marks.last;
            marks.by_repository.insert(key.clone(), mark).is_none()
        };
        if is_new {
            self.kept.put(SharedTable::Unsent, &written(key), b"", FOR_EVER).await?;
        }
        Ok(())
    }

    /// Removes a mark, unless the repository was marked anew meanwhile.
    pub(super) async fn unmark(&self, key: &RepoKey, mark: u64) -> Result<(), StoreError> {
        let removed = {
            let mut marks = self.lock();
            let is_latest = marks.by_repository.get(key) == Some(&mark);
            is_latest && marks.by_repository.remove(key).is_some()
        };
        if removed {
            self.kept.remove(SharedTable::Unsent, &written(key)).await?;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Marks> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn written(key: &RepoKey) -> String {
    format!("{}{SEPARATOR}{}", key.org, key.id)
}

fn read(key: &str) -> Option<RepoKey> {
    let (org, id) = key.split_once(SEPARATOR)?;
    Some(RepoKey { org: org.into(), id: id.into() })
}
