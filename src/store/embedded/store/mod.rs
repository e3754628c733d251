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

/// Stores facts and shared state in one file, in a directory that it locks against other processes.
///
/// Reads run on the runtime's blocking threads, each on its own snapshot, concurrently with the
/// single writer thread. Dropping the store waits for pending writes and closes the file.
pub struct EmbeddedStore {
    // Declared before `handle`, so that the writer thread drops its reference to the handle first.
    pub(super) writer: GroupCommitter,
    pub(super) handle: Arc<DatabaseHandle>,
    /// When expired entries were last removed, in milliseconds of the system clock.
    pub(super) cleaned_ms: AtomicI64,
}

impl EmbeddedStore {
    /// Opens the store in the directory `dir`, creating both if they do not exist. Blocks while the
    /// whole file is read to verify it.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        let directory = StoreDirectory::lock(dir)?;
        Self::with_opener(dir, Box::new(move || directory.open()))
    }

    fn with_opener(dir: &Path, opener: OpenDatabase) -> Result<Self, OpenError> {
        let handle = Arc::new(DatabaseHandle::new(opener)?);
        let writer = GroupCommitter::start(handle.clone()).map_err(|cause| OpenError::from_io(dir, cause))?;
        Ok(EmbeddedStore { writer, handle, cleaned_ms: AtomicI64::new(0) })
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(EmbeddedSnapshot) -> Result<T, DatabaseFailure> + Send + 'static,
    ) -> Result<T, StoreError> {
        let handle = self.handle.clone();
        let result = tokio::task::spawn_blocking(move || {
            handle.run(|database| read(EmbeddedSnapshot::take(database)?))
        });
        result.await.unwrap_or_else(|error| Err(StoreError::Unavailable(error.to_string())))
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
        // Only reads, so that it costs no sync of the disk.
        self.read_table(META, move |meta| {
            let missing = || DatabaseFailure::damaged("the table of epochs", "it is missing");
            tables::confirm_epoch(&meta.ok_or_else(missing)?, epoch)
        })
        .await
    }

    async fn position(&self) -> Result<ChangePosition, StoreError> {
        Ok(ChangePosition::default())
    }

    /// Always empty, because no other process writes to the directory.
    async fn changes(&self, since: &ChangePosition) -> Result<LogChanges, StoreError> {
        Ok(LogChanges::Changes { changes: Vec::new(), complete: true, position: since.clone() })
    }
}

#[cfg(test)]
mod tests;
