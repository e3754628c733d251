//! The state of this replica.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use actix_supervisor::{Observable, RootHandle, TreeSnapshot};
use github_stats_actors::activity::OrgName;
use github_stats_actors::clock::Clock;
use github_stats_actors::fleet::FleetState;
use github_stats_actors::health::{Dependency, HealthSnapshot, UrgentFacts};
use github_stats_actors::maintenance::Pause;
use github_stats_actors::queue::QueueState;
use github_stats_actors::role::Roles;
use github_stats_actors::scheduler::SchedulerState;
use github_stats_actors::store::{PublishedView, StoreState};

use super::org_report::org_reports;
use super::{OrgReports, Peers};
use crate::disk::DiskSpace;
use crate::exposition::ActivityPages;

/// Counts the connections to a shared store without waiting: those that are open, and those there should be.
pub type Connections = Arc<dyn Fn() -> (usize, usize) + Send + Sync>;

/// The state of the rate limiters by organisation, in JSON: budgets, holds and waits. It must not block.
pub type Quotas = Arc<dyn Fn() -> serde_json::Value + Send + Sync>;

/// Everything there is to know about this replica now. Every field is either fixed or shared with
/// its one writer, so a clone shows the same; reading never waits, and what is read outlives every
/// restart of the actor that wrote it.
#[derive(Clone)]
pub struct ReplicaState {
    /// The replica's name: the value of the `replica` label.
    pub name: String,
    /// GitHub's clock.
    pub clock: Arc<Clock>,
    /// The role in each shard.
    pub roles: Roles,
    /// The supervision tree, once it is started.
    pub tree: Arc<OnceLock<RootHandle>>,
    /// Whether the replica is shutting down.
    pub draining: Arc<AtomicBool>,
    /// Health as last assessed; use [`ReplicaState::health`] to answer a request.
    pub health: Observable<HealthSnapshot>,
    /// The store actor's state.
    pub store: Observable<StoreState>,
    /// The queue actor's state.
    pub queue: Observable<QueueState>,
    /// The scheduler's state.
    pub scheduler: Observable<SchedulerState>,
    /// The pauses that operators have set, as last read.
    pub pauses: Observable<Vec<Pause>>,
    /// The fleet actor's state.
    pub fleet: Observable<FleetState>,
    /// The reports of the other replicas.
    pub peers: Peers,
    /// The series of activity.
    pub series: PublishedView,
    /// The same, encoded for `/metrics`.
    pub activity: ActivityPages,
    /// The space of the data directory's file system when it was last checked; `None` without a directory.
    pub disk: Observable<Option<DiskSpace>>,
    /// The dependencies that are configured.
    pub dependencies: Vec<Dependency>,
    /// The connections to the shared store; `None` without one.
    pub connections: Option<Connections>,
    /// The rate limiters.
    pub quotas: Quotas,
}

impl ReplicaState {
    /// A replica that has just started, depends on nothing and has no limits.
    pub fn new(name: impl Into<String>, clock: Arc<Clock>, roles: Roles) -> Self {
        ReplicaState {
            name: name.into(),
            clock,
            roles,
            tree: Arc::default(),
            draining: Arc::default(),
            health: Observable::new(HealthSnapshot::starting()),
            store: Observable::default(),
            queue: Observable::default(),
            scheduler: Observable::default(),
            pauses: Observable::default(),
            fleet: Observable::default(),
            peers: Peers::default(),
            series: PublishedView::default(),
            activity: ActivityPages::default(),
            disk: Observable::default(),
            dependencies: Vec::new(),
            connections: None,
            quotas: Arc::new(|| serde_json::Value::Null),
        }
    }

    /// Health as last assessed, brought up to date with what must show at once.
    pub fn health(&self) -> HealthSnapshot {
        self.health.get().updated(UrgentFacts {
            draining: self.draining.load(Ordering::Acquire),
            has_activity: self.activity.latest().is_some(),
            epoch: self.roles.leads(),
            tree: self.tree(),
        })
    }

    /// The supervision tree now; empty before it is started.
    pub fn tree(&self) -> TreeSnapshot {
        self.tree.get().map_or_else(|| TreeSnapshot { actors: Vec::new() }, RootHandle::tree)
    }

    /// Makes the replica unready for good, before it shuts down.
    pub fn begin_draining(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// The organisations as their present leaders know them: this replica, or others that report
    /// them. Where nobody leads, as this one knew them last.
    pub fn organisations(&self) -> OrgReports {
        let mut organisations = org_reports(&self.scheduler.get());
        organisations.extend(self.peers.organisations());
        organisations.extend(self.led_organisations());
        organisations
    }

    /// The organisations that this replica leads.
    pub fn led_organisations(&self) -> OrgReports {
        org_reports(&self.led())
    }

    /// The scheduler's state of the organisations that this replica leads.
    pub fn led(&self) -> SchedulerState {
        let mut state = SchedulerState::clone(&self.scheduler.get());
        state.organisations.retain(|org, _| self.leads_for(org));
        state
    }

    /// Whether this replica leads the shard of an organisation.
    pub fn leads_for(&self, org: &OrgName) -> bool {
        self.roles.of(org).leads().is_some()
    }
}

impl fmt::Debug for ReplicaState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplicaState")
            .field("name", &self.name)
            .field("dependencies", &self.dependencies)
            .finish_non_exhaustive()
    }
}
