//! The state of the application.

use std::sync::Arc;
use std::time::Duration;

use actix_supervisor::{Observable, TreeSnapshot};
use github_stats_actors::health::HealthSnapshot;
use github_stats_actors::maintenance::PauseRegistry;
use github_stats_actors::queue::DeadLetterService;
use secrecy::SecretString;
use tokio::sync::Notify;

use crate::replica::ReplicaState;
use crate::slo::CountHistory;
use crate::telemetry::Metrics;

/// Everything the handlers need. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AppState {
    /// The state of the replica.
    pub replica: ReplicaState,
    /// The counters of the process.
    pub metrics: Metrics,
    /// How long the root supervisor may have no heartbeat before the process counts as dead.
    pub liveness_limit: Duration,
    /// Access to the operators' API, and what it acts on.
    pub admin: AdminAccess,
    /// Counters of the last day, for the objectives.
    pub history: CountHistory,
}

/// Access to the operators' API, and what it acts on.
#[derive(Clone, Debug)]
pub struct AdminAccess {
    /// The bearer token; it may be replaced at any time. `None` or empty restricts the API to loopback.
    pub token: Observable<Option<SecretString>>,
    /// Whether faults may be injected into actors.
    pub chaos: bool,
    /// Handles dead letters; `None` where there is no queue.
    pub dead_letters: Option<DeadLetterService>,
    /// Pauses scraping; `None` where nothing is scraped.
    pub maintenance: Option<PauseRegistry>,
    /// Notified when an operator requests a shutdown.
    pub shutdown: Arc<Notify>,
}

impl AppState {
    /// The state with the default limits.
    pub fn new(replica: ReplicaState, metrics: Metrics, admin: AdminAccess) -> Self {
        AppState {
            replica,
            metrics,
            liveness_limit: Duration::from_secs(10),
            admin,
            history: CountHistory::default(),
        }
    }

    pub(super) fn health(&self) -> HealthSnapshot {
        self.replica.health()
    }

    pub(super) fn tree(&self) -> TreeSnapshot {
        self.replica.tree()
    }
}
