//! From the configuration to the queue of backfill jobs.

use std::sync::Arc;

use github_stats_actors::event::Observer;
use github_stats_actors::queue::{Books, JobQueue, MemoryQueue};
use github_stats_actors::supervision::{ChildSpec, Strategy, SupervisorSpec};

use super::stores::Stores;
use super::tree::dispatch;
use crate::config::{Config, StoreBackend};

/// Where backfill jobs wait.
pub struct Backfill {
    /// The queue.
    pub queue: Arc<dyn JobQueue>,
}

impl Backfill {
    /// A queue that ends with the process.
    pub fn in_memory() -> Self {
        Backfill { queue: Arc::new(MemoryQueue::new()) }
    }

    /// The configured queue. Nothing is waited for: a broker that does not answer is connected to later.
    pub async fn open(config: &Config, stores: &Stores, _observer: &Arc<dyn Observer>) -> Self {
        if config.store.backend != StoreBackend::Redis {
            forget_jobs(config, stores).await;
        }
        Self::in_memory()
    }

    /// The actors that keep the way to the queue open.
    pub(super) fn supervisor(&self) -> ChildSpec {
        ChildSpec::supervisor(SupervisorSpec::new("broker", Strategy::OneForOne))
    }
}

/// What waited in the memory of the process that had this store before is gone with it; its records would only keep
/// the same windows from being enqueued again.
async fn forget_jobs(config: &Config, stores: &Stores) {
    if let Err(error) = Books::new(&stores.shared, &dispatch(config)).jobs.forget_all().await {
        tracing::debug!(%error, "the records of earlier jobs are left; they run out by themselves");
    }
}
