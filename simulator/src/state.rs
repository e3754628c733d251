//! The state that the server, the handle and the ground truth share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::clock::Clock;
use crate::fault::ApiFaults;
use crate::options::Options;
use crate::rate_limit::RateLimitAccounts;
use crate::request_log::RequestLog;
use crate::token_store::TokenStore;
use crate::world::GithubWorld;

/// The state of a running simulator. No lock is held across an await.
#[derive(Debug)]
pub(crate) struct SimulatorState {
    pub(crate) world: Arc<RwLock<GithubWorld>>,
    pub(crate) clock: Clock,
    pub(crate) options: Options,
    pub(crate) faults: ApiFaults,
    pub(crate) url: String,
    pub(crate) token_store: TokenStore,
    rate_limits: Mutex<RateLimitAccounts>,
    log: Mutex<RequestLog>,
    computed: Mutex<HashMap<(u64, u32), usize>>,
}

impl SimulatorState {
    pub(crate) fn new(world: GithubWorld, options: Options, clock: Clock, url: String) -> Self {
        let token_store = TokenStore::new(&options.tokens);
        Self {
            world: Arc::new(RwLock::new(world)),
            clock,
            options,
            faults: ApiFaults::default(),
            url,
            token_store,
            rate_limits: Mutex::default(),
            log: Mutex::default(),
            computed: Mutex::default(),
        }
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, GithubWorld> {
        self.world.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, GithubWorld> {
        self.world.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn rate_limits(&self) -> MutexGuard<'_, RateLimitAccounts> {
        self.rate_limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, RequestLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the statistics of a repository at this head were requested often enough to be
    /// computed.
    pub(crate) fn statistics_are_ready(&self, repository: u64, head: u32) -> bool {
        let mut computed = self.computed.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = computed.entry((repository, head)).or_default();
        *asked += 1;
        *asked > self.options.statistics.pending
    }
}
