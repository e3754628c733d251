//! A handle to the database that reopens it after a failure.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use github_stats_actors::store::StoreError;
use redb::Database;

use super::OpenError;
use super::failure::DatabaseFailure;

/// Opens the database; called at the start and again after each failure that closes it.
pub(super) type OpenDatabase = Box<dyn Fn() -> Result<Database, OpenError> + Send + Sync>;

/// The database that all calls use.
///
/// After an I/O error the database refuses all operations until it is reopened, which repairs what
/// the failed commit left behind. The next call therefore reopens it, so that no restart is needed
/// after, for example, a full disk.
pub(super) struct DatabaseHandle {
    // Declared before `opener`, which holds the lock of the directory, so that the file is closed
    // before it is unlocked.
    slot: RwLock<DatabaseSlot>,
    opener: OpenDatabase,
}

struct DatabaseSlot {
    database: Option<Database>,
    /// Incremented by each reopening, so that a call which failed on an earlier instance does not
    /// close the current one.
    generation: u64,
}

impl DatabaseHandle {
    /// Opens the database for the first time.
    pub(super) fn new(opener: OpenDatabase) -> Result<Self, OpenError> {
        let database = Some(opener()?);
        Ok(DatabaseHandle { slot: RwLock::new(DatabaseSlot { database, generation: 0 }), opener })
    }

    /// Runs `work` on the open database, reopening it first if necessary. Blocks.
    pub(super) fn run<T>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, DatabaseFailure>,
    ) -> Result<T, StoreError> {
        let (generation, outcome) = loop {
            let slot = self.read();
            if let Some(database) = &slot.database {
                break (slot.generation, catch_unwind(AssertUnwindSafe(|| work(database))));
            }
            drop(slot);
            self.reopen()?;
        };
        match outcome {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(failure)) => {
                if failure.requires_reopening() {
                    self.close(generation);
                }
                Err(failure.into())
            }
            // The panic hook has logged it. Reopening rolls back the interrupted transaction.
            Err(_) => {
                self.close(generation);
                Err(StoreError::Damaged("the database panicked; its contents may be inconsistent".into()))
            }
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, DatabaseSlot> {
        self.slot.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn reopen(&self) -> Result<(), StoreError> {
        let mut slot = self.slot.write().unwrap_or_else(PoisonError::into_inner);
        if slot.database.is_none() {
            slot.database = Some((self.opener)()?);
            slot.generation += 1;
        }
        Ok(())
    }

    fn close(&self, generation: u64) {
        let mut slot = self.slot.write().unwrap_or_else(PoisonError::into_inner);
        if slot.generation == generation {
            slot.database = None;
        }
    }
}
