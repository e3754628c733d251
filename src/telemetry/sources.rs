//! The snapshots from which metrics are derived.

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use actix_supervisor::Observable;
use actix_supervisor::RootHandle;
use github_stats_actors::clock::Clock;
use github_stats_actors::health::HealthSnapshot;
use github_stats_actors::maintenance::Pause;
use github_stats_actors::queue::QueueState;
use github_stats_actors::role::Roles;
use github_stats_actors::scheduler::SchedulerState;
use github_stats_actors::store::StoreState;

use super::Fleet;
use crate::disk::DiskSpace;

/// Something the exporter depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dependency {
    /// GitHub's API.
    Github,
    /// The shared store.
    Redis,
    /// The message broker.
    Amqp,
    /// Leader election.
    Election,
    /// The data directory.
    Disk,
}

impl Dependency {
    /// The value of the `dependency` label.
    pub fn as_str(self) -> &'static str {
        match self {
            Dependency::Github => "github",
            Dependency::Redis => "redis",
            Dependency::Amqp => "amqp",
            Dependency::Election => "election",
            Dependency::Disk => "disk",
        }
    }

    /// The components of the health snapshot that tell how it is: the first that is there counts.
    pub(super) fn components(self) -> &'static [&'static str] {
        match self {
            Dependency::Github => &["github"],
            Dependency::Redis => &["redis", "store"],
            Dependency::Amqp => &["amqp", "queue"],
            Dependency::Election => &["election"],
            Dependency::Disk => &["disk"],
        }
    }
}

/// Counts connections without waiting.
pub type Connections = Arc<dyn Fn() -> (usize, usize) + Send + Sync>;

/// Tells how much of GitHub may be asked for, by organisation: budgets, holds and waits. It must not block.
pub type Quotas = Arc<dyn Fn() -> serde_json::Value + Send + Sync>;

/// Where the present state of everything is read without waiting. Cheap to clone.
#[derive(Clone)]
pub struct Sources {
    /// The name of the replica.
    pub replica: String,
    /// GitHub's time.
    pub clock: Arc<Clock>,
    /// How the replica is.
    pub health: Observable<HealthSnapshot>,
    /// The scheduler's state.
    pub scheduler: Observable<SchedulerState>,
    /// The queue's state.
    pub queue: Observable<QueueState>,
    /// The role.
    pub roles: Roles,
    /// The tree, as soon as it is started.
    pub tree: Arc<OnceLock<RootHandle>>,
    /// Set when the replica is going down.
    pub draining: Arc<AtomicBool>,
    /// What is configured; nothing is said about the rest.
    pub dependencies: Vec<Dependency>,
    /// The store actor's state.
    pub store: Observable<StoreState>,
    /// Tells how many connections to a shared store are open, and how many there are when all is well.
    pub connections: Option<Connections>,
    /// What the other replicas told.
    pub fleet: Fleet,
    /// The space of the data directory when that was last looked at; `None` without one.
    pub disk: Observable<Option<DiskSpace>>,
    /// What operators have paused, as last seen.
    pub pauses: Observable<Vec<Pause>>,
    /// The quota of every organisation.
    pub quotas: Quotas,
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("replica", &self.replica)
            .field("dependencies", &self.dependencies)
            .finish_non_exhaustive()
    }
}
