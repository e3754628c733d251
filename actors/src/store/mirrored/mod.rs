//! A shared store with a local fallback.
//!
//! While the shared store answers, it is used, and its changes are copied into the local one as
//! they are followed. During an outage, new facts are written to the local store and the copies are
//! served from there; afterwards the facts that the shared store lacks are sent to it. All writes
//! are unions, so neither copying nor sending can count anything twice, and a shared store that
//! lost its data is restored from the copies.

mod mirror;
mod unsent;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::{Mutex, RwLock};
use tokio::time::Instant;

use self::mirror::MirrorState;
use self::unsent::UnsentChanges;
use super::{
    ChangePosition, FactStore, GarbageCollected, LogChanges, RecordPage, ScanCursor, SharedState, StoreError,
    WriteSummary,
};
use crate::activity::{Batch, FactId, OrgName, Record, RepoKey, RepoState, Timestamp};
use crate::role::{Epoch, Shard};

/// How long after a failed attempt the shared store is tried again.
const RETRY_DELAY: Duration = Duration::from_secs(1);
/// Repositories sent concurrently.
const SENT_TOGETHER: usize = 8;
/// The number of repositories that may be left to send when writers are blocked for the last of
/// them.
const FINAL_REPOSITORIES: usize = 16;

/// A shared store and a local fallback as one store.
pub struct MirroredStore {
    shared: Arc<dyn FactStore>,
    local: Arc<dyn FactStore>,
    link: std::sync::Mutex<Link>,
    /// Held for reading during a local write, for writing while the shared store takes over again.
    handover: RwLock<()>,
    unsent: UnsentChanges,
    mirror: Mutex<MirrorState>,
}

/// Whether the shared store is in use.
#[derive(Clone, Debug)]
enum Link {
    Up,
    Away { why: String, retry_at: Instant },
}

impl MirroredStore {
    /// Combines the stores. `marks` is stored with the local one and remembers which repositories
    /// must be sent.
    ///
    /// # Errors
    /// If the marks of an earlier process cannot be read.
    pub async fn new(
        shared: Arc<dyn FactStore>,
        local: Arc<dyn FactStore>,
        marks: Arc<dyn SharedState>,
    ) -> Result<Self, StoreError> {
        let unsent = UnsentChanges::load(marks).await?;
        // Facts that an earlier process left unsent must be sent first; until then the shared store
        // is not used.
        let why = "it was not reached yet".to_owned();
        Ok(MirroredStore {
            shared,
            local,
            link: std::sync::Mutex::new(Link::Away { why, retry_at: Instant::now() }),
            handover: RwLock::default(),
            unsent,
            mirror: Mutex::default(),
        })
    }

    fn link(&self) -> Link {
        self.link.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    fn set_link(&self, link: Link) {
        *self.link.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = link;
    }

    fn is_up(&self) -> bool {
        matches!(self.link(), Link::Up)
    }

    fn lose(&self, error: &StoreError) {
        if self.is_up() {
            tracing::warn!(%error, "the shared store is unreachable; the local one is used instead");
        }
        self.set_link(Link::Away { why: error.to_string(), retry_at: Instant::now() + RETRY_DELAY });
    }

    /// Calls the shared store if it is in use, and records an outage.
    async fn ask<T>(&self, asked: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        match self.link() {
            Link::Up => {}
            Link::Away { why, .. } => return Err(StoreError::Unavailable(why)),
        }
        asked.await.inspect_err(|error| {
            if is_outage(error) {
                self.lose(error);
            }
        })
    }

    /// Reads from the shared store, or during an outage from the local one.
    async fn read<T>(
        &self,
        shared: impl Future<Output = Result<T, StoreError>>,
        local: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        match self.ask(shared).await {
            Err(error) if is_outage(&error) => local.await,
            outcome => outcome,
        }
    }

    /// Tries to use the shared store again, if an attempt is due.
    async fn recover(&self) -> Result<(), StoreError> {
        let Link::Away { why, retry_at } = self.link() else { return Ok(()) };
        if Instant::now() < retry_at {
            return Err(StoreError::Unavailable(why));
        }
        self.take_over().await.inspect_err(|error| self.lose(error))
    }

    /// Sends the facts that the shared store lacks. Writers continue meanwhile, and are blocked
    /// only for the last few repositories.
    async fn take_over(&self) -> Result<(), StoreError> {
        self.shared.position().await?;
        let mut sent = 0;
        loop {
            let marked = self.unsent.marked();
            if marked.len() <= FINAL_REPOSITORIES {
                break;
            }
            sent += marked.len();
            self.send(marked).await?;
        }
        let _writers_wait = self.handover.write().await;
        let marked = self.unsent.marked();
        sent += marked.len();
        self.send(marked).await?;
        self.set_link(Link::Up);
        tracing::info!(
            repositories = sent,
            "the shared store is in use; the facts it lacked were sent to it"
        );
        Ok(())
    }

    async fn send(&self, marked: Vec<(RepoKey, u64)>) -> Result<(), StoreError> {
        let send = |(key, mark): (RepoKey, u64)| async move {
            if let Some(batch) = self.local_copy(&key).await? {
                self.shared.write(batch).await?;
            }
            self.unsent.unmark(&key, mark).await
        };
        stream::iter(marked).map(Ok).try_for_each_concurrent(SENT_TOGETHER, send).await
    }

    /// A copy of a repository in the local store.
    async fn local_copy(&self, key: &RepoKey) -> Result<Option<Batch>, StoreError> {
        let Some(state) = self.local.repository(key).await? else { return Ok(None) };
        let records = self.local.records(key, Timestamp::MIN).await?;
        Ok(Some(state.into_batch(records)))
    }

    /// Sends every repository of the local store to a shared one that lost its data.
    async fn refill(&self) -> Result<(), StoreError> {
        let why = "it lost data, or this replica fell behind, and it is being restored".to_owned();
        tracing::warn!(
            "the shared store cannot report its changes: everything this replica holds is sent to it"
        );
        self.set_link(Link::Away { why, retry_at: Instant::now() });
        for org in self.local.organisations().await? {
            for state in self.local.repositories(&org).await? {
                self.unsent.mark(&state.key).await?;
            }
        }
        self.recover().await
    }
}

/// Whether the local store is to be used instead.
fn is_outage(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable(_) | StoreError::Full(_))
}

#[async_trait]
impl FactStore for MirroredStore {
    fn cut_off(&self) -> Option<String> {
        match self.link() {
            Link::Up => None,
            Link::Away { why, .. } => Some(why),
        }
    }

    async fn write(&self, batch: Batch) -> Result<WriteSummary, StoreError> {
        match self.ask(self.shared.write(batch.clone())).await {
            Err(error) if is_outage(&error) => {}
            outcome => return outcome,
        }
        let _local_write = self.handover.read().await;
        if self.is_up() {
            return self.ask(self.shared.write(batch)).await;
        }
        // Marked first: after a crash in between, the repository is sent needlessly, but never
        // forgotten.
        self.unsent.mark(&batch.key).await?;
        self.local.write(batch).await
    }

    async fn repositories(&self, org: &OrgName) -> Result<Vec<RepoState>, StoreError> {
        self.read(self.shared.repositories(org), self.local.repositories(org)).await
    }

    async fn repository(&self, key: &RepoKey) -> Result<Option<RepoState>, StoreError> {
        self.read(self.shared.repository(key), self.local.repository(key)).await
    }

    async fn organisations(&self) -> Result<Vec<OrgName>, StoreError> {
        self.read(self.shared.organisations(), self.local.organisations()).await
    }

    async fn records(&self, key: &RepoKey, since: Timestamp) -> Result<Vec<(FactId, Record)>, StoreError> {
        self.read(self.shared.records(key, since), self.local.records(key, since)).await
    }

    async fn scan(&self, from: Option<ScanCursor>, limit: usize) -> Result<RecordPage, StoreError> {
        self.read(self.shared.scan(from.clone(), limit), self.local.scan(from, limit)).await
    }

    /// Never from the local store: it may hold the only copy of facts that the shared one lacks.
    async fn collect_garbage(
        &self,
        key: &RepoKey,
        floor: Timestamp,
        epoch: Epoch,
    ) -> Result<Option<GarbageCollected>, StoreError> {
        self.ask(self.shared.collect_garbage(key, floor, epoch)).await
    }

    async fn begin_epoch(&self, shard: Shard, after: Epoch) -> Result<Epoch, StoreError> {
        self.read(self.shared.begin_epoch(shard, after), self.local.begin_epoch(shard, after)).await
    }

    /// During an outage the last leader goes on collecting; facts need no fence.
    async fn confirm_epoch(&self, epoch: Epoch) -> Result<(), StoreError> {
        self.read(self.shared.confirm_epoch(epoch), std::future::ready(Ok(()))).await
    }

    async fn position(&self) -> Result<ChangePosition, StoreError> {
        self.recover().await?;
        let position = self.ask(self.shared.position()).await?;
        self.mirror.lock().await.compare(&self.shared, &self.local).await?;
        Ok(position)
    }

    async fn changes(&self, since: &ChangePosition) -> Result<LogChanges, StoreError> {
        self.recover().await?;
        match self.ask(self.shared.changes(since)).await? {
            LogChanges::Lost => {
                self.refill().await?;
                Ok(LogChanges::Lost)
            }
            LogChanges::Changes { changes, complete, position } => {
                let mut mirror = self.mirror.lock().await;
                if let Err(error) = mirror.follow(&self.shared, &self.local, &changes, complete).await {
                    tracing::warn!(%error, "changes were not copied into the local store");
                }
                Ok(LogChanges::Changes { changes, complete, position })
            }
        }
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests;
