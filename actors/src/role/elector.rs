//! The port through which replicas elect a leader.

use async_trait::async_trait;
use serde::Serialize;
use tokio::time::Instant;

/// The status of this replica after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ElectionStatus {
    /// It leads, and no other replica can before `until`.
    Leader {
        /// When it must have renewed, or stop leading.
        until: Instant,
        /// The number of the acquisition. It changes whenever there was an interval in which
        /// another replica might have led.
        term: u64,
    },
    /// Another replica leads, or none does yet.
    Follower { leader: Option<String> },
}

/// Which backend decides who leads, and why that one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ElectionBasis {
    /// The backend: `static`, `kubernetes`, `redis`.
    pub backend: &'static str,
    /// Why this backend is used, for operators; may be empty.
    pub reason: String,
    /// Whether it is a fallback for another backend that is not available.
    pub degraded: bool,
}

impl From<&'static str> for ElectionBasis {
    /// This backend, without a reason.
    fn from(backend: &'static str) -> Self {
        ElectionBasis { backend, ..ElectionBasis::default() }
    }
}

/// The outcome of an attempt is unknown. A leadership that was held ends at its deadline.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the election backend did not answer: {0}")]
pub struct ElectionError(pub String);

/// Runs for leadership. An attempt acquires a free lease and renews one that is held.
///
/// An attempt may be dropped before it ends; whether it took effect is then unknown until the next
/// one. The module `contract` holds the tests that every implementation passes.
#[async_trait]
pub trait Elector: Send + Sync + 'static {
    /// Acquires or renews the leadership.
    async fn attempt(&self) -> Result<ElectionStatus, ElectionError>;

    /// Releases leadership at once, so that another replica need not wait for the lease to expire.
    /// Does nothing for a follower.
    async fn resign(&self);

    /// Returns when another attempt is worthwhile before the next period, because the leader
    /// released its lease or lost it since the last attempt began.
    async fn changed(&self) {
        std::future::pending().await
    }

    /// Which backend decides, for logs and `/healthz`.
    fn basis(&self) -> ElectionBasis;
}
