//! The port behind which replicas agree who leads.

use async_trait::async_trait;
use serde::Serialize;
use tokio::time::Instant;

/// How this replica stands after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ElectionStatus {
    /// It leads, and nobody else can before `until`.
    Leader {
        /// When it must have renewed, or stop leading.
        until: Instant,
        /// Which acquisition this is. It stays the same as long as the leadership was renewed without a break, during
        /// which another replica might have led.
        term: u64,
    },
    /// Somebody else leads, or nobody does yet.
    Follower {
        /// Who, where that is known.
        leader: Option<String>,
    },
}

/// What decides who leads, and why that.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ElectionBasis {
    /// The backend: `static`, `kubernetes`, `redis`.
    pub backend: &'static str,
    /// Why this backend, or what about it is worth knowing.
    pub reason: String,
    /// Whether it stands in for another one that cannot be had.
    pub degraded: bool,
}

impl From<&'static str> for ElectionBasis {
    /// This backend, for no particular reason.
    fn from(backend: &'static str) -> Self {
        ElectionBasis { backend, ..ElectionBasis::default() }
    }
}

/// An attempt whose outcome is unknown. A leadership that was held ends at its deadline.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the election backend did not answer: {0}")]
pub struct ElectionError(pub String);

/// Runs for leadership. One attempt acquires what is free and renews what is held.
///
/// An attempt may be dropped before it ends; whether it took effect is then unknown, and the next one finds out.
/// `contract` holds the tests that every implementation passes.
#[async_trait]
pub trait Elector: Send + Sync + 'static {
    /// Acquires or renews. It answers within the time a leader has for renewing.
    async fn attempt(&self) -> Result<ElectionStatus, ElectionError>;

    /// Gives leadership up at once, so that another replica need not wait for the lease to end. Of a follower, nothing.
    async fn resign(&self);

    /// Returns when another attempt is worth making before the next period: the leader released or vanished, be it during
    /// the last attempt.
    async fn changed(&self) {
        std::future::pending().await
    }

    /// What decides, for logs and `/healthz`.
    fn basis(&self) -> ElectionBasis;
}
