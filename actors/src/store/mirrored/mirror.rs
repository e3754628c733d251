//! Copies what the shared store holds into the local one.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};

use super::whole;
use crate::activity::{Batch, FoldedBase, RepoKey, RepoState, Timestamp};
use crate::store::{FactStore, StoreChange, StoreError};

/// Repositories copied as a whole for each look at the changes: what is missing is no reason to hold those up.
const COPIED_AT_ONCE: usize = 16;
/// Batches written at a time; the local store confirms them together.
const WRITTEN_TOGETHER: usize = 32;

/// What is known to be missing in the local store.
#[derive(Default)]
pub(super) struct MirrorState {
    /// Repositories that differ, to be copied as a whole.
    different: Vec<RepoState>,
    /// States whose coverage is not copied yet: it may tell of records that the log tells of only later.
    pending: BTreeMap<RepoKey, RepoState>,
}

impl MirrorState {
    /// Finds out what differs.
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

    /// Copies changes, and some of what differs.
    pub(super) async fn follow(
        &mut self,
        shared: &Arc<dyn FactStore>,
        local: &Arc<dyn FactStore>,
        changes: &[StoreChange],
        complete: bool,
    ) -> Result<(), StoreError> {
        write_all(local, changes.iter().map(records_of)).await?;
        if complete {
            // Everything these states tell of was in the changes up to now.
            let known = std::mem::take(&mut self.pending);
            write_all(local, known.into_values().map(|state| whole(state, Vec::new()))).await?;
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
            // The state was read before, so the records are at least as new as what it tells of them.
            let records = shared.records(&state.key, Timestamp::MIN).await?;
            local.write(whole(state, records)).await?;
            self.different.pop();
        }
        Ok(())
    }
}

/// What changed, without saying that it is complete.
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
