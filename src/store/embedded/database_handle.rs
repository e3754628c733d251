//! The open database, opened again after it failed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use github_stats_actors::store::StoreError;
use redb::Database;

use super::OpenError;
use super::failure::DatabaseFailure;

/// Opens the database; called once at the start and again after every lasting failure.
pub(super) type OpenDatabase = Box<dyn Fn() -> Result<Database, OpenError> + Send + Sync>;

/// The database behind all calls.
///
/// After an error of the disk the database refuses everything until it is opened again, which repairs what the failed
/// commit left. So the next call opens it again: a full disk that gets space needs no restart.
pub(super) struct DatabaseHandle {
    // Before `opener`, which holds the lock of the directory: the file is closed before the lock is given up.
    slot: RwLock<Slot>,
    opener: OpenDatabase,
}

struct Slot {
    database: Option<Database>,
    /// Tells a call that failed whether somebody has opened the database again meanwhile.
    generation: u64,
}

impl DatabaseHandle {
    /// Opens the database for the first time.
    pub(super) fn new(opener: OpenDatabase) -> Result<Self, OpenError> {
        let database = Some(opener()?);
        Ok(DatabaseHandle { slot: RwLock::new(Slot { database, generation: 0 }), opener })
    }

    /// Does `work` with the open database. Blocks.
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
                if failure.is_lasting() {
                    self.abandon(generation);
                }
                Err(failure.into())
            }
            // The panic hook has reported it; what it left half-done goes with the abandoned database.
            Err(_) => {
                self.abandon(generation);
                Err(StoreError::Damaged(
                    "the database panicked; its contents may contradict themselves".into(),
                ))
            }
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Slot> {
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

    fn abandon(&self, generation: u64) {
        let mut slot = self.slot.write().unwrap_or_else(PoisonError::into_inner);
        if slot.generation == generation {
            slot.database = None;
        }
    }
}
