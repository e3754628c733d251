//! Following what happens to the Lease.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::elector::ElectorShared;

/// How long after a watch ended the next one is begun, so that a server in trouble is not asked all the time.
const PAUSE: Duration = Duration::from_secs(1);

/// Watches in the background, from when it is first wanted until it is dropped.
pub(super) struct LeaseWatcher {
    shared: Arc<ElectorShared>,
    task: std::sync::Mutex<JoinSet<()>>,
}

impl LeaseWatcher {
    pub(super) fn new(shared: Arc<ElectorShared>) -> Self {
        LeaseWatcher { shared, task: std::sync::Mutex::default() }
    }

    /// Begins to watch, unless it does so already.
    pub(super) fn keep_watching(&self) {
        let mut task = self.task.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if task.is_empty() {
            let shared = self.shared.clone();
            task.spawn(async move {
                loop {
                    shared.follow().await;
                    sleep(PAUSE).await;
                }
            });
        }
    }
}

impl ElectorShared {
    /// Follows one watch to its end.
    async fn follow(&self) {
        let mut events = match self.api.watch().await {
            Ok(events) => Box::pin(events),
            // Attempts meet the same error and tell it.
            Err(error) => {
                return tracing::debug!(%error, "the lease cannot be watched; it is looked at in turn");
            }
        };
        while let Some(event) = events.next().await {
            match event {
                Ok(Some(lease)) => {
                    if self.observe(lease).record.holder.is_none() {
                        self.bell.notify_one();
                    }
                }
                Ok(None) => self.bell.notify_one(),
                Err(error) => return tracing::debug!(%error, "a watch of the lease ended"),
            }
        }
    }
}
