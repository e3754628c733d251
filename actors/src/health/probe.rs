//! The port behind which a dependency's status is checked.

use async_trait::async_trait;

use super::Status;

/// What a probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeResult {
    /// The dependency's status.
    pub status: Status,
    /// Why it has this status; empty while it is healthy.
    pub detail: String,
}

/// Checks a dependency. A probe only informs: the cooldown of an organisation depends on its scrape
/// cycles alone.
#[async_trait]
pub trait Probe: Send + Sync + 'static {
    /// The component's name in `/healthz` and in `dependency_health`.
    fn component(&self) -> &'static str;

    /// Checks it now.
    async fn check(&self) -> ProbeResult;
}
