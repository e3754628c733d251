//! The elector that uses a Lease.

use std::sync::Arc;

use async_trait::async_trait;
use github_stats_actors::role::{ElectionBasis, ElectionError, ElectionStatus, Elector};
use tokio::time::Instant;

use super::api::{KubernetesCluster, LeaseApi};
use super::lease_lock::LeaseLock;
use super::watch::LeaseWatcher;
use crate::election::{LeaseName, LeaseTiming};

/// Elects by writing the leader's identity into a Lease.
///
/// Updates carry the resource version that they are based on, so that only one of several
/// concurrent ones succeeds. The lease of another holder has expired when it was observed unchanged
/// for its duration; the leader's own deadline counts from before its request.
pub struct KubernetesElector {
    lock: Arc<LeaseLock>,
    watcher: LeaseWatcher,
    /// Serialises attempts and releases.
    attempt_lock: tokio::sync::Mutex<()>,
    reason: String,
}

impl KubernetesElector {
    /// Competes as `identity`, which must be unique. `reason` says why this backend is used.
    pub fn new(
        cluster: KubernetesCluster,
        name: LeaseName,
        identity: String,
        timing: LeaseTiming,
        reason: impl Into<String>,
    ) -> Self {
        let lock =
            Arc::new(LeaseLock::new(LeaseApi::new(cluster, name, timing.attempt_limit()), identity, timing));
        KubernetesElector {
            watcher: LeaseWatcher::new(lock.clone()),
            lock,
            attempt_lock: tokio::sync::Mutex::default(),
            reason: reason.into(),
        }
    }
}

#[async_trait]
impl Elector for KubernetesElector {
    async fn attempt(&self) -> Result<ElectionStatus, ElectionError> {
        let _guard = self.attempt_lock.lock().await;
        self.lock.attempt().await.map_err(|error| ElectionError(error.to_string()))
    }

    async fn resign(&self) {
        let _guard = self.attempt_lock.lock().await;
        if let Err(error) = self.lock.release().await {
            tracing::warn!(%error, "the lease was not released; it will expire");
        }
    }

    async fn changed(&self) {
        self.watcher.keep_watching();
        let holder_expires = self.lock.holder_expires();
        let expired = async {
            match holder_expires {
                Some(at) if at > Instant::now() => tokio::time::sleep_until(at).await,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.lock.attempt_due.notified() => {}
            () = expired => {}
        }
    }

    fn basis(&self) -> ElectionBasis {
        ElectionBasis { backend: "kubernetes", reason: self.reason.clone(), degraded: false }
    }
}
