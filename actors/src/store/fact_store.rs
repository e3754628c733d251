//! The port to the store of facts.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use crate::activity::{Batch, FactId, OrgName, Record, RepoKey, RepoState, Timestamp};
use crate::role::{Epoch, EpochError, EpochIssuer, Shard};

/// Why a request to the store failed. Then it changed nothing.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached or written now; the same call may succeed later.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// There is no space left for the write.
    #[error("the store is full: {0}")]
    Full(String),
    /// Stored data cannot be read.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// The caller's epoch `asked` is not the current one of any shard: it does not lead, or no
    /// longer does. `current` is the epoch issued last.
    #[error("epoch {asked} is not current: the store is at {current}")]
    StaleEpoch { asked: Epoch, current: Epoch },
}

/// What a write changed.
#[derive(Clone, Debug)]
pub struct WriteSummary {
    /// The repository after the write.
    pub state: RepoState,
    /// Every record that changed, after the join.
    pub changed: Vec<(FactId, Record)>,
    /// The number of records removed because the batch raised the floor: its base counts them.
    pub removed: usize,
    /// The number of records refused because they are older than the floor.
    pub refused: usize,
}

/// What garbage collection removed from a repository.
#[derive(Clone, Debug)]
pub struct GarbageCollected {
    /// The repository afterwards.
    pub state: RepoState,
    /// The number of records folded into the base: all that were dated before the new floor.
    pub removed: usize,
}

/// Where a scan continues.
pub type ScanCursor = (RepoKey, FactId);

/// A record and its identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    pub key: RepoKey,
    pub id: FactId,
    pub record: Record,
}

/// A page of a scan.
#[derive(Clone, Debug, Default)]
pub struct RecordPage {
    /// Records in ascending order of repository and identity.
    pub records: Vec<StoredRecord>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<ScanCursor>,
}

/// The number of changes per organisation that the log of a shared store keeps at least. A reader
/// that falls behind further loads everything again.
pub const CHANGES_KEPT: usize = 10_000;

/// A position in the log of changes, valid only for the store that returned it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangePosition(pub BTreeMap<OrgName, OrgLogPosition>);

/// A position in the log of one organisation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct OrgLogPosition {
    /// The identity of the log: a store that lost its log begins another, with numbers of its own.
    pub log: u64,
    /// The number of the last change seen.
    pub sequence: u64,
}

/// A change of one repository, by any user of the store.
#[derive(Clone, Debug)]
pub struct StoreChange {
    /// The repository now; records dated before its floor are removed.
    pub state: RepoState,
    /// The records that changed, after the join; may include others.
    pub changed: Vec<(FactId, Record)>,
}

/// The changes since a position.
#[derive(Clone, Debug)]
pub enum LogChanges {
    Changes {
        /// In the order of each organisation's log.
        changes: Vec<StoreChange>,
        /// Whether these are all; otherwise more follow after `position`.
        complete: bool,
        /// Where to continue.
        position: ChangePosition,
    },
    /// The log does not reach back to the position, or was replaced: everything must be loaded
    /// again.
    Lost,
}

/// A store of records, coverage and base counts.
///
/// Every write is atomic, durable when it returns, and a set union: repeating it, or changing the
/// order of writes, ends in the same state. The module `contract` holds the tests that every
/// implementation passes.
#[async_trait]
pub trait FactStore: Send + Sync + 'static {
    /// Joins a batch: records, coverage, listing and tip of one repository, all or nothing.
    async fn write(&self, batch: Batch) -> Result<WriteSummary, StoreError>;

    /// Everything known about an organisation's repositories except their records, sorted by key.
    async fn repositories(&self, org: &OrgName) -> Result<Vec<RepoState>, StoreError>;

    /// The same for one repository.
    async fn repository(&self, key: &RepoKey) -> Result<Option<RepoState>, StoreError> {
        Ok(self.repositories(&key.org).await?.into_iter().find(|state| state.key == *key))
    }

    /// The organisations with stored repositories, sorted.
    async fn organisations(&self) -> Result<Vec<OrgName>, StoreError>;

    /// The records of a repository dated `since` or later, sorted by identity.
    async fn records(&self, key: &RepoKey, since: Timestamp) -> Result<Vec<(FactId, Record)>, StoreError>;

    /// At most `limit` records of all repositories, beginning at `from`.
    async fn scan(&self, from: Option<ScanCursor>, limit: usize) -> Result<RecordPage, StoreError>;

    /// Folds records dated before `floor` into the repository's base, raises its floor and prunes
    /// its coverage, in one transaction. Refused unless `epoch` is current. Returns `None` if the
    /// repository is unknown or its floor is not lower.
    async fn collect_garbage(
        &self,
        key: &RepoKey,
        floor: Timestamp,
        epoch: Epoch,
    ) -> Result<Option<GarbageCollected>, StoreError>;

    /// Issues the epoch of a new leadership of `shard`, greater than any before and than `after`,
    /// the greatest the caller knows of: a store that lost its data must not reuse epochs.
    async fn begin_epoch(&self, shard: Shard, after: Epoch) -> Result<Epoch, StoreError>;

    /// Refused unless `epoch` is the last one issued for its shard by this store: one that another
    /// store issued during an outage is no fence here. Leaders call it before each cycle.
    async fn confirm_epoch(&self, epoch: Epoch) -> Result<(), StoreError>;

    /// The current position in the log of changes. A reader that takes the position first and loads
    /// everything then misses nothing if it follows [`FactStore::changes`] from there.
    async fn position(&self) -> Result<ChangePosition, StoreError>;

    /// The changes since a position, by this and other users. A store with a single user reports
    /// none: its user knows them from its own calls.
    async fn changes(&self, since: &ChangePosition) -> Result<LogChanges, StoreError>;

    /// Why writes do not reach the other replicas at present; `None` if they do, or if there are no
    /// others.
    fn cut_off(&self) -> Option<String> {
        None
    }
}

#[async_trait]
impl EpochIssuer for Arc<dyn FactStore> {
    async fn begin_epoch(&self, shard: Shard, after: Epoch) -> Result<Epoch, EpochError> {
        FactStore::begin_epoch(self.as_ref(), shard, after)
            .await
            .map_err(|error| EpochError(error.to_string()))
    }
}
