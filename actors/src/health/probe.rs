//! The port behind which dependencies are asked how they are.

use async_trait::async_trait;

use super::Status;

/// What a probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeResult {
    /// How the dependency is.
    pub status: Status,
    /// What there is to say about it; empty when all is well.
    pub detail: String,
}

/// Asks a dependency how it is. Only real scrapes feed the cooldown of an organisation; a probe only informs.
#[async_trait]
pub trait Probe: Send + Sync + 'static {
    /// The component's name in `/healthz` and in `dependency_health`.
    fn component(&self) -> &'static str;

    /// Asks.
    async fn check(&self) -> ProbeResult;
}
