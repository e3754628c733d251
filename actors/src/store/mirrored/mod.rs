//! A store that all replicas share, and a local one that stands in for it.
//!
//! As long as the shared store answers, it is the store: what anybody changes there is copied into the local one by
//! whoever follows the changes. While it is away, what is collected goes into the local store and what was copied is
//! served from there; when it is back, what it lacks is sent to it. Everything is a union, so neither copying nor sending
//! can count anything twice, and a shared store that lost what it held is filled again from the copies.

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
use crate::activity::{Batch, FactId, FoldedBase, OrgName, Record, RepoKey, RepoState, Timestamp};
use crate::role::{Epoch, Shard};

/// How long after a failed attempt the shared store is tried again.
const RETRY_DELAY: Duration = Duration::from_secs(1);
/// Repositories sent at a time.
const SENT_TOGETHER: usize = 8;
/// So many repositories may be left when writers are held up for the last of them.
const FEW: usize = 16;

/// Two stores as one.
pub struct MirroredStore {
    shared: Arc<dyn FactStore>,
    local: Arc<dyn FactStore>,
    link: std::sync::Mutex<Link>,
    /// Held for reading while something is written locally, for writing when the shared store takes over again.
    handover: RwLock<()>,
    unsent: UnsentChanges,
    mirror: Mutex<MirrorState>,
}

/// How the shared store is.
#[derive(Clone, Debug)]
enum Link {
    Up,
    Away { why: String, retry_at: Instant },
}

impl MirroredStore {
    /// Joins the stores; `marks`, kept with the local one, remembers what is to be sent.
    ///
    /// # Errors
    /// When the marks of an earlier process cannot be read.
    pub async fn new(
        shared: Arc<dyn FactStore>,
        local: Arc<dyn FactStore>,
        marks: Arc<dyn SharedState>,
    ) -> Result<Self, StoreError> {
        let unsent = UnsentChanges::load(marks).await?;
        // What an earlier process left unsent goes first, so the shared store counts as away until it is there.
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
            tracing::warn!(%error, "the shared store is away; the local one stands in for it");
        }
        self.set_link(Link::Away { why: error.to_string(), retry_at: Instant::now() + RETRY_DELAY });
    }

    /// Asks the shared store if it is there, and notes if it is not.
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

    /// Asks the shared store, or, while it is away, the local one.
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

    /// Makes sure that the shared store is in use, if it can be by now.
    async fn recover(&self) -> Result<(), StoreError> {
        let Link::Away { why, retry_at } = self.link() else { return Ok(()) };
        if Instant::now() < retry_at {
            return Err(StoreError::Unavailable(why));
        }
        self.take_over().await.inspect_err(|error| self.lose(error))
    }

    /// Sends what the shared store lacks. Writers go on meanwhile, and are held up only for the last few repositories.
    async fn take_over(&self) -> Result<(), StoreError> {
        self.shared.position().await?;
        let mut sent = 0;
        loop {
            let marked = self.unsent.marked();
            if marked.len() <= FEW {
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
        tracing::info!(repositories = sent, "the shared store is in use; what it lacked was sent to it");
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

    /// Everything the local store holds of a repository.
    async fn local_copy(&self, key: &RepoKey) -> Result<Option<Batch>, StoreError> {
        let Some(state) = self.local.repository(key).await? else { return Ok(None) };
        let records = self.local.records(key, Timestamp::MIN).await?;
        Ok(Some(whole(state, records)))
    }

    /// Sends every repository of the local store to a shared one that lost what it held.
    async fn refill(&self) -> Result<(), StoreError> {
        let why = "it lost what it held, or this replica fell behind, and is being filled again".to_owned();
        tracing::warn!("the shared store does not tell what changed: what this replica holds is sent to it");
        self.set_link(Link::Away { why, retry_at: Instant::now() });
        for org in self.local.organisations().await? {
            for state in self.local.repositories(&org).await? {
                self.unsent.mark(&state.key).await?;
            }
        }
        self.recover().await
    }
}

/// Whether the local store is to stand in.
fn is_outage(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable(_) | StoreError::Full(_))
}

/// A batch that says everything of a repository.
fn whole(state: RepoState, records: Vec<(FactId, Record)>) -> Batch {
    Batch {
        head: state.head,
        records,
        covered: state.coverage,
        folded: FoldedBase { floor: state.floor, base: state.base },
        ..Batch::new(state.key, state.meta)
    }
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
        let _standing_in = self.handover.read().await;
        if self.is_up() {
            return self.ask(self.shared.write(batch)).await;
        }
        // Marked first: a crash in between sends what was sent before.
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

    /// Never of the local store: what it still holds may be what the shared one lacks.
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

    /// While the shared store is away whoever led last goes on collecting; facts need no fence.
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
                    tracing::warn!(%error, "what changed was not copied into the local store");
                }
                Ok(LogChanges::Changes { changes, complete, position })
            }
        }
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests;
