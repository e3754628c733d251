//! Copies the contents of the shared store into the local one.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};

use crate::activity::{Batch, FoldedBase, RepoKey, RepoState, Timestamp};
use crate::store::{FactStore, StoreChange, StoreError};

/// Repositories copied as a whole each time changes are followed, so that a large backlog does not
/// delay the changes.
const COPIED_AT_ONCE: usize = 16;
/// Batches written concurrently; the local store commits them together.
const WRITTEN_TOGETHER: usize = 32;

/// What the local store is known to lack.
#[derive(Default)]
pub(super) struct MirrorState {
    /// Repositories that differ and must be copied as a whole.
    different: Vec<RepoState>,
    /// States whose coverage is not copied yet: it may include records that follow later in the
    /// log.
    pending: BTreeMap<RepoKey, RepoState>,
}

impl MirrorState {
    /// Determines which repositories differ.
    pub(super) async fn compare(
        &mut self,
        shared: &Arc<dyn FactStore>,
        local: &Arc<dyn FactStore>,
    ) -> Result<(), StoreError> {
        self.pending.clear();
        self.different.clear();
        for org in shared.organisations().await? {
            let copies: BTreeMap<RepoKey, RepoState> =
                local.repositories(&org).await?.into_iter().map(|state| (state.key.clone(), state)).collect();
            let states = shared.repositories(&org).await?.into_iter();
            self.different.extend(states.filter(|state| copies.get(&state.key) != Some(state)));
        }
        Ok(())
    }

    /// Copies changes, and some of the repositories that differ.
    pub(super) async fn follow(
        &mut self,
        shared: &Arc<dyn FactStore>,
        local: &Arc<dyn FactStore>,
        changes: &[StoreChange],
        complete: bool,
    ) -> Result<(), StoreError> {
        write_all(local, changes.iter().map(records_of)).await?;
        if complete {
            // All records that these states cover were in the changes up to now.
            let known = std::mem::take(&mut self.pending);
            write_all(local, known.into_values().map(|state| state.into_batch(Vec::new()))).await?;
        }
        self.pending.extend(changes.iter().map(|change| (change.state.key.clone(), change.state.clone())));
        self.copy_some(shared, local).await
    }

    async fn copy_some(
        &mut self,
        shared: &Arc<dyn FactStore>,
        local: &Arc<dyn FactStore>,
    ) -> Result<(), StoreError> {
        for _ in 0..COPIED_AT_ONCE.min(self.different.len()) {
            let Some(state) = self.different.last().cloned() else { break };
            // The state was read first, so the records are at least as new as its coverage.
            let records = shared.records(&state.key, Timestamp::MIN).await?;
            local.write(state.into_batch(records)).await?;
            self.different.pop();
        }
        Ok(())
    }
}

/// The changed records, without the coverage that says they are complete.
fn records_of(change: &StoreChange) -> Batch {
    let state = &change.state;
    Batch {
        records: change.changed.clone(),
        folded: FoldedBase { floor: state.floor, base: state.base.clone() },
        ..Batch::new(state.key.clone(), state.meta.clone())
    }
}

async fn write_all(
    local: &Arc<dyn FactStore>,
    batches: impl Iterator<Item = Batch>,
) -> Result<(), StoreError> {
    stream::iter(batches)
        .map(|batch| local.write(batch))
        .buffer_unordered(WRITTEN_TOGETHER)
        .try_for_each(|_| std::future::ready(Ok(())))
        .await
}
