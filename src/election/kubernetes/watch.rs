//! Watching the Lease for releases and deletion.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::lease_lock::LeaseLock;

/// Pause between two watches, so that a failing server is not overloaded.
const PAUSE: Duration = Duration::from_secs(1);

/// Watches the Lease in a background task, which is started on first use and ends on drop.
pub(super) struct LeaseWatcher {
    lock: Arc<LeaseLock>,
    task: std::sync::Mutex<JoinSet<()>>,
}

impl LeaseWatcher {
    pub(super) fn new(lock: Arc<LeaseLock>) -> Self {
        LeaseWatcher { lock, task: std::sync::Mutex::default() }
    }

    /// Starts the task unless it is running.
    pub(super) fn keep_watching(&self) {
        let mut task = self.task.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if task.is_empty() {
            let lock = self.lock.clone();
            task.spawn(async move {
                loop {
                    lock.follow().await;
                    sleep(PAUSE).await;
                }
            });
        }
    }
}

impl LeaseLock {
    /// Follows one watch until it ends.
    async fn follow(&self) {
        let mut events = match self.api.watch().await {
            Ok(events) => Box::pin(events),
            // Attempts fail with the same error, which is logged for them.
            Err(error) => {
                return tracing::debug!(%error, "the lease cannot be watched; it is polled instead");
            }
        };
        while let Some(event) = events.next().await {
            match event {
                Ok(Some(lease)) => {
                    if self.observe(lease).record.holder.is_none() {
                        self.attempt_due.notify_one();
                    }
                }
                Ok(None) => self.attempt_due.notify_one(),
                Err(error) => return tracing::debug!(%error, "a watch of the lease ended"),
            }
        }
    }
}
