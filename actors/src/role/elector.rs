//! The port behind which replicas agree who leads.

use async_trait::async_trait;
use tokio::time::Instant;

/// How this replica stands after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It leads, and nobody else can before `until`.
    Leader {
        /// When it must have renewed, or stop leading.
        until: Instant,
    },
    /// Somebody else leads, or nobody does yet.
    Follower {
        /// Who, where that is known.
        leader: Option<String>,
    },
}

/// An attempt whose outcome is unknown. A leadership that was held ends at its deadline.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the election backend did not answer: {0}")]
pub struct ElectionError(pub String);

/// Runs for leadership. One attempt acquires what is free and renews what is held.
#[async_trait]
pub trait Elector: Send + Sync + 'static {
    /// Acquires or renews.
    async fn attempt(&self) -> Result<Standing, ElectionError>;

    /// Gives leadership up at once, so that another replica need not wait for the lease to end.
    async fn resign(&self);

    /// Returns when another attempt is worth making before the next period: the leader released or vanished.
    async fn changed(&self) {
        std::future::pending().await
    }

    /// Which backend this is, for logs and `/healthz`.
    fn describe(&self) -> &'static str;
}
