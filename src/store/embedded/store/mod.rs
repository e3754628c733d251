//! The embedded store.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use async_trait::async_trait;
use github_stats_actors::activity::{Batch, FactId, OrgName, Record, RepoKey, RepoState, Timestamp};
use github_stats_actors::role::{Epoch, Shard};
use github_stats_actors::store::{
    ChangePosition, FactStore, GarbageCollected, LogChanges, RecordPage, ScanCursor, StoreError, WriteSummary,
};

use super::OpenError;
use super::database_handle::{DatabaseHandle, OpenDatabase};
use super::directory::StoreDirectory;
use super::failure::DatabaseFailure;
use super::group_committer::GroupCommitter;
use super::snapshot::EmbeddedSnapshot;
use super::tables::{self, META};

/// Keeps everything in one file of a directory that no other process uses meanwhile.
///
/// Reads run on the runtime's blocking threads, each on a snapshot of its own, beside the one thread that writes.
/// Dropping the store closes the file; calls that are under way then are finished first.
pub struct EmbeddedStore {
    // Before `handle`: the thread that writes has its own share of it, which must be gone first.
    pub(super) writer: GroupCommitter,
    pub(super) handle: Arc<DatabaseHandle>,
    /// When expired entries were last removed, in milliseconds of the machine's clock.
    pub(super) cleaned_ms: AtomicI64,
}

impl EmbeddedStore {
    /// Opens the store in the directory `dir`, creating both where they are missing. Blocks: after a crash, and to verify
    /// it, the whole file is read.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        let directory = StoreDirectory::hold(dir)?;
        Self::with_opener(dir, Box::new(move || directory.open()))
    }

    fn with_opener(dir: &Path, opener: OpenDatabase) -> Result<Self, OpenError> {
        let handle = Arc::new(DatabaseHandle::new(opener)?);
        let writer = GroupCommitter::start(handle.clone()).map_err(|cause| OpenError::from_io(dir, cause))?;
        Ok(EmbeddedStore { writer, handle, cleaned_ms: AtomicI64::new(0) })
    }

    async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(EmbeddedSnapshot) -> Result<T, DatabaseFailure> + Send + 'static,
    ) -> Result<T, StoreError> {
        let handle = self.handle.clone();
        let seen = tokio::task::spawn_blocking(move || {
            handle.run(|database| look(EmbeddedSnapshot::take(database)?))
        });
        seen.await.unwrap_or_else(|error| Err(StoreError::Unavailable(error.to_string())))
    }
}

#[async_trait]
impl FactStore for EmbeddedStore {
    async fn write(&self, batch: Batch) -> Result<WriteSummary, StoreError> {
        self.writer.commit(move |tables| tables.write(&batch)).await
    }

    async fn repositories(&self, org: &OrgName) -> Result<Vec<RepoState>, StoreError> {
        let org = org.clone();
        self.read(move |snapshot| snapshot.repositories(&org)).await
    }

    async fn repository(&self, key: &RepoKey) -> Result<Option<RepoState>, StoreError> {
        let key = key.clone();
        self.read(move |snapshot| snapshot.repository(&key)).await
    }

    async fn organisations(&self) -> Result<Vec<OrgName>, StoreError> {
        self.read(|snapshot| snapshot.organisations()).await
    }

    async fn records(&self, key: &RepoKey, since: Timestamp) -> Result<Vec<(FactId, Record)>, StoreError> {
        let key = key.clone();
        self.read(move |snapshot| snapshot.records(&key, since)).await
    }

    async fn scan(&self, from: Option<ScanCursor>, limit: usize) -> Result<RecordPage, StoreError> {
        self.read(move |snapshot| snapshot.scan(from, limit)).await
    }

    async fn collect_garbage(
        &self,
        key: &RepoKey,
        floor: Timestamp,
        epoch: Epoch,
    ) -> Result<Option<GarbageCollected>, StoreError> {
        let key = key.clone();
        self.writer.commit(move |tables| tables.collect_garbage(&key, floor, epoch)).await
    }

    async fn begin_epoch(&self, shard: Shard, after: Epoch) -> Result<Epoch, StoreError> {
        self.writer.commit(move |tables| tables.begin_epoch(shard, after)).await
    }

    async fn confirm_epoch(&self, epoch: Epoch) -> Result<(), StoreError> {
        // A look, not a change: nothing has to reach the disk for it.
        self.look(META, move |meta| {
            let missing = || DatabaseFailure::damaged("the table of epochs", "it is missing");
            tables::confirm_epoch(&meta.ok_or_else(missing)?, epoch)
        })
        .await
    }

    async fn position(&self) -> Result<ChangePosition, StoreError> {
        Ok(ChangePosition::default())
    }

    /// The directory has one user.
    async fn changes(&self, since: &ChangePosition) -> Result<LogChanges, StoreError> {
        Ok(LogChanges::Changes { changes: Vec::new(), complete: true, position: since.clone() })
    }
}

#[cfg(test)]
mod tests;
