//! The port behind which facts are kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use crate::activity::{Batch, FactId, OrgName, Record, RepoKey, RepoState, Timestamp};
use crate::role::{Epoch, EpochError, EpochIssuer, Shard};

/// Why the store did not do as asked. Nothing was changed then.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached or written now; the same call may succeed later.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// There is no room left for what was to be written.
    #[error("the store is full: {0}")]
    Full(String),
    /// What is stored cannot be read.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// Another leadership is in force; the caller does not lead, or no longer does.
    #[error("epoch {asked} is not in force: the store is at {current}")]
    StaleEpoch {
        /// The epoch of the caller.
        asked: Epoch,
        /// The epoch in force.
        current: Epoch,
    },
}

/// What a batch changed.
#[derive(Clone, Debug)]
pub struct WriteSummary {
    /// The repository after the batch.
    pub state: RepoState,
    /// The joined records of every identity that changed.
    pub changed: Vec<(FactId, Record)>,
    /// How many records went because the batch came from a store with a higher floor: its base counts them.
    pub removed: usize,
    /// How many records were refused because they are older than the floor.
    pub refused: usize,
}

/// What a pass of garbage collection removed.
#[derive(Clone, Debug)]
pub struct GarbageCollected {
    /// The repository after the pass.
    pub state: RepoState,
    /// How many records were folded into the base: all that were dated before its new floor.
    pub removed: usize,
}

/// Where a scan goes on.
pub type ScanCursor = (RepoKey, FactId);

/// A record and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    /// The repository.
    pub key: RepoKey,
    /// Which fact of it.
    pub id: FactId,
    /// What is known of it.
    pub record: Record,
}

/// A part of a scan.
#[derive(Clone, Debug, Default)]
pub struct RecordPage {
    /// Records in ascending order of repository and identity.
    pub records: Vec<StoredRecord>,
    /// Where the next part begins; `None` at the end.
    pub next: Option<ScanCursor>,
}

/// How many changes of an organisation a shared store remembers at least; who falls behind further loads everything again.
pub const CHANGES_KEPT: usize = 10_000;

/// A position in the log of changes; it means something to the store that gave it only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangePosition(pub BTreeMap<OrgName, OrgLogPosition>);

/// A position in the log of one organisation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct OrgLogPosition {
    /// Tells this position from the one of the same number in any other log: a store that lost something may number anew.
    pub log: u64,
    /// The number of the last change that was seen.
    pub sequence: u64,
}

/// What somebody changed in one repository.
#[derive(Clone, Debug)]
pub struct StoreChange {
    /// The repository now; what was dated before its floor is gone.
    pub state: RepoState,
    /// The joined records of the identities that changed; more of them may be among it.
    pub changed: Vec<(FactId, Record)>,
}

/// What happened since a position.
#[derive(Clone, Debug)]
pub enum LogChanges {
    /// These changes.
    Changes {
        /// In the order of each organisation's log.
        changes: Vec<StoreChange>,
        /// Whether they are all there were; otherwise more follow after `position`.
        complete: bool,
        /// Where to go on.
        position: ChangePosition,
    },
    /// The log does not reach back to the position, or another one was begun: everything is to be loaded again.
    Lost,
}

/// A store of records, coverage and counters' bases.
///
/// Every write is atomic and durable when it returns, and a union: repeating it, or doing it in another order, ends in
/// the same state. `contract` holds the tests that every implementation passes.
#[async_trait]
pub trait FactStore: Send + Sync + 'static {
    /// Joins a batch: records, coverage, listing and tip of one repository together or not at all.
    async fn write(&self, batch: Batch) -> Result<WriteSummary, StoreError>;

    /// Everything known of an organisation's repositories except their records, sorted by key.
    async fn repositories(&self, org: &OrgName) -> Result<Vec<RepoState>, StoreError>;

    /// The same of one repository.
    async fn repository(&self, key: &RepoKey) -> Result<Option<RepoState>, StoreError> {
        Ok(self.repositories(&key.org).await?.into_iter().find(|state| state.key == *key))
    }

    /// The organisations something is stored of, sorted.
    async fn organisations(&self) -> Result<Vec<OrgName>, StoreError>;

    /// The records of a repository dated `since` or later, sorted by identity.
    async fn records(&self, key: &RepoKey, since: Timestamp) -> Result<Vec<(FactId, Record)>, StoreError>;

    /// At most `limit` records of all repositories, beginning at `from`.
    async fn scan(&self, from: Option<ScanCursor>, limit: usize) -> Result<RecordPage, StoreError>;

    /// Folds what is dated before `floor` into the repository's base, raises its floor and prunes its coverage, in one
    /// transaction; refused when `epoch` is over. An unknown repository and a lower floor change nothing.
    async fn collect_garbage(
        &self,
        key: &RepoKey,
        floor: Timestamp,
        epoch: Epoch,
    ) -> Result<Option<GarbageCollected>, StoreError>;

    /// Issues the epoch of a new leadership of `shard`, greater than any before and than `after`, the greatest the caller knows
    /// of: a store that lost everything must not number leaderships anew.
    async fn begin_epoch(&self, shard: Shard, after: Epoch) -> Result<Epoch, StoreError>;

    /// Refused unless `epoch` is the one that was issued last for its shard: one that another store issued in this one's
    /// absence is no fence here. Whoever leads asks before each cycle.
    async fn confirm_epoch(&self, epoch: Epoch) -> Result<(), StoreError>;

    /// Where the log of changes stands. Whoever takes the position first and loads everything then, misses nothing that
    /// [`FactStore::changes`] tells afterwards.
    async fn position(&self) -> Result<ChangePosition, StoreError>;

    /// What other users of the store, and this one, changed since. A store that has one user only tells of no changes:
    /// its user knows them from its own calls.
    async fn changes(&self, since: &ChangePosition) -> Result<LogChanges, StoreError>;

    /// Why what is written now reaches nobody else for the time being; `None` where it does, or nobody else is meant to be
    /// reached.
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
