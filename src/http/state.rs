//! What the handlers read.

use std::sync::Arc;
use std::time::Duration;

use actix_supervisor::Observable;
use actix_supervisor::{RootHandle, TreeSnapshot};
use github_stats_actors::health::HealthSnapshot;
use github_stats_actors::maintenance::PauseRegistry;
use github_stats_actors::queue::DeadLetterService;
use secrecy::SecretString;
use tokio::sync::Notify;

use crate::exposition::ActivityPages;
use crate::slo::CountHistory;
use crate::telemetry::{Metrics, Sources};

/// Everything the handlers read, by snapshot. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AppState {
    /// The series, encoded.
    pub activity: ActivityPages,
    /// The process's counters.
    pub metrics: Metrics,
    /// The states of everything else.
    pub sources: Sources,
    /// How long the root supervisor may be silent before the process counts as dead.
    pub liveness_limit: Duration,
    /// Who may operate this replica, and how far.
    pub admin: AdminAccess,
    /// What was counted in the last day.
    pub history: CountHistory,
}

/// Who may use the operator's API.
#[derive(Clone, Debug)]
pub struct AdminAccess {
    /// The bearer token; it may be replaced at any time. `None` or empty closes the API to all but loopback.
    pub token: Observable<Option<SecretString>>,
    /// Whether actors may be broken on purpose.
    pub chaos: bool,
    /// Where dead letters are handled; `None` where there is no queue.
    pub letters: Option<DeadLetterService>,
    /// Where scraping is paused; `None` where nothing is scraped.
    pub maintenance: Option<PauseRegistry>,
    /// Told when an operator wants the process to stop.
    pub shutdown: Arc<Notify>,
}

impl AppState {
    /// The state with the usual limits.
    pub fn new(activity: ActivityPages, metrics: Metrics, sources: Sources, admin: AdminAccess) -> Self {
        AppState {
            activity,
            metrics,
            sources,
            liveness_limit: Duration::from_secs(10),
            admin,
            history: CountHistory::default(),
        }
    }

    pub(super) fn health(&self) -> Arc<HealthSnapshot> {
        self.sources.health.get()
    }

    /// The tree now; empty before it is started.
    pub(super) fn tree(&self) -> TreeSnapshot {
        self.sources.tree.get().map_or_else(|| TreeSnapshot { actors: Vec::new() }, RootHandle::tree)
    }
}
