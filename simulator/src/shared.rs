//! What the server, the handle and the truth share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::clock::Clock;
use crate::fault::Faults;
use crate::keyring::Keyring;
use crate::ledger::Ledger;
use crate::options::Options;
use crate::request_log::RequestLog;
use crate::world::World;

/// The state of a running simulator. No lock is held while anything waits.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) world: Arc<RwLock<World>>,
    pub(crate) clock: Clock,
    pub(crate) options: Options,
    pub(crate) faults: Faults,
    pub(crate) url: String,
    pub(crate) keyring: Keyring,
    ledger: Mutex<Ledger>,
    log: Mutex<RequestLog>,
    computed: Mutex<HashMap<(u64, u32), usize>>,
}

impl Shared {
    pub(crate) fn new(world: World, options: Options, clock: Clock, url: String) -> Self {
        let keyring = Keyring::of(&options.tokens);
        Self {
            world: Arc::new(RwLock::new(world)),
            clock,
            options,
            faults: Faults::default(),
            url,
            keyring,
            ledger: Mutex::default(),
            log: Mutex::default(),
            computed: Mutex::default(),
        }
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, World> {
        self.world.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, World> {
        self.world.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, RequestLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the statistics of a repository at this head were asked for often enough to be there.
    pub(crate) fn computed_before(&self, repository: u64, head: u32) -> bool {
        let mut computed = self.computed.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = computed.entry((repository, head)).or_default();
        *asked += 1;
        *asked > self.options.statistics.pending
    }
}
