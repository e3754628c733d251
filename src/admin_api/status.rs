//! The current state of a replica.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ActorCounts, PauseReport};

/// The current state of a replica.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = Status)]
pub struct StatusReport {
    pub replica: String,
    pub version: String,
    pub revision: String,
    /// GitHub's time.
    #[schema(format = DateTime)]
    pub at: Option<String>,
    pub uptime_seconds: Option<f64>,
    pub mode: HealthMode,
    pub role: ReplicaRole,
    /// The epoch of the leadership; `null` for a follower.
    pub epoch: Option<u64>,
    pub ready: bool,
    /// Why the replica is not ready.
    pub reason: Option<String>,
    pub store: StoreSummary,
    pub queue: QueueSummary,
    pub election: ElectionSummary,
    /// The connection to GitHub; `null` until it was assessed.
    pub github: Option<ComponentSummary>,
    pub clock: ClockSummary,
    pub memory: MemorySummary,
    /// The file system of the data directory; `null` without one.
    pub disk: Option<DiskSummary>,
    /// The current pauses.
    pub maintenance: Vec<PauseReport>,
    /// The organisations by name, as the leader reports them.
    pub organisations: BTreeMap<String, OrganisationSummary>,
    pub fleet: FleetSummary,
    pub actors: ActorCounts,
}

/// How well a replica, or a part of it, works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Mode)]
pub enum HealthMode {
    Healthy,
    Degraded,
    Unhealthy,
    /// Not assessed, or a mode of another version.
    #[default]
    #[serde(other)]
    Unknown,
}

/// The role of a replica in the election.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Role)]
pub enum ReplicaRole {
    Leader,
    Follower,
    /// A role of another version.
    #[default]
    #[serde(other)]
    Unknown,
}

/// The assessment of a component.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = Component)]
pub struct ComponentSummary {
    pub status: HealthMode,
    #[schema(format = DateTime)]
    pub since: Option<String>,
    /// The explanation; empty for most components that are healthy.
    pub detail: String,
}

/// The assessment of a component beside its numbers; absent until it was assessed.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct ComponentFields {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<HealthMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub since: Option<String>,
    /// The explanation; empty for most components that are healthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// The store and the series made from it.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = Store)]
pub struct StoreSummary {
    /// Whether all stored records are loaded.
    pub loaded: bool,
    pub records: usize,
    /// Exposed series.
    pub series: u64,
    /// Series that exceed the budget and are not exposed.
    pub series_refused: usize,
    /// Why the shared store cannot be reached; `null` if it can.
    pub cut_off: Option<String>,
    /// Connections to a shared store; `null` without one.
    pub connections: Option<ConnectionCounts>,
    #[serde(flatten)]
    pub component: ComponentFields,
}

/// Connections to a shared store.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = Connections)]
pub struct ConnectionCounts {
    pub open: usize,
    /// How many are open when all is well.
    pub wanted: usize,
}

/// The backfill queue.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = Queue)]
pub struct QueueSummary {
    /// Jobs that wait, are delayed or are being worked on.
    pub depth: usize,
    pub oldest_age_seconds: Option<i64>,
    pub dead_letters: usize,
    /// How long the job received last had been due.
    pub lag_seconds: i64,
    /// Jobs kept in this replica until the broker is back.
    pub outbox: usize,
    /// The connection to the broker; `null` without one.
    pub broker: Option<BrokerConnection>,
    #[serde(flatten)]
    pub component: ComponentFields,
}

/// The connection to a broker.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = Broker)]
pub struct BrokerConnection {
    pub connected: bool,
    /// What is wrong; empty if nothing is.
    pub detail: String,
}

/// The election of leaders.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = Election)]
pub struct ElectionSummary {
    /// `static`, `kubernetes` or `redis`.
    pub backend: String,
    /// Why this backend is used.
    pub reason: String,
    /// The leader, if it is known and another replica.
    pub leader: Option<String>,
    /// Whether this replica scrapes without being elected because no election is possible.
    pub stands_in: bool,
    /// Why the last attempt failed; `null` if it succeeded.
    pub last_error: Option<String>,
    /// The role of this replica in each part of the organisations; one part unless
    /// `leader_election.shards` says otherwise.
    pub shards: Vec<ShardSummary>,
    #[serde(flatten)]
    pub component: ComponentFields,
}

/// The role of a replica in one part of the organisations.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = Shard)]
pub struct ShardSummary {
    pub shard: u32,
    pub role: ReplicaRole,
    pub epoch: Option<u64>,
    pub leader: Option<String>,
}

/// The clock.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = Clock)]
pub struct ClockSummary {
    /// GitHub's time minus that of the machine.
    pub correction_seconds: f64,
    /// Whether GitHub's time is known.
    pub known_from_github: bool,
}

/// The memory of the process.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = Memory)]
pub struct MemorySummary {
    pub resident_bytes: Option<u64>,
    /// The limit of the control group; `null` without one.
    pub limit_bytes: Option<u64>,
}

/// The file system of the data directory.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = Disk)]
pub struct DiskSummary {
    pub free_bytes: u64,
    pub total_bytes: u64,
}

/// An organisation, as the leader reports it.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = Organisation)]
pub struct OrganisationSummary {
    /// `healthy`, `cooldown` or `recovering`.
    pub state: String,
    #[schema(format = DateTime)]
    pub cooldown_until: Option<String>,
    /// Whether a cycle is running.
    pub scraping: bool,
    /// Time between two cycles.
    pub interval_seconds: f64,
    #[schema(format = DateTime)]
    pub last_due: Option<String>,
    #[schema(format = DateTime)]
    pub next_due: Option<String>,
    pub last_cycle: CycleSummary,
    /// Covered share of what was due in the last 24 hours.
    pub coverage_ratio: Option<f64>,
    /// Age of the newest instant covered.
    pub freshness_seconds: Option<i64>,
    /// When the current pause ends; `null` if scraping is not paused.
    #[schema(format = DateTime)]
    pub paused_until: Option<String>,
    /// Budgets, holds and waits as this replica knows them.
    #[schema(value_type = Option<Object>)]
    pub quota: Option<serde_json::Value>,
}

/// The last cycle of an organisation; every field is `null` before the first.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = Cycle)]
pub struct CycleSummary {
    /// When it ended.
    #[schema(format = DateTime)]
    pub at: Option<String>,
    pub result: Option<String>,
    /// Repositories it listed.
    pub repositories: Option<usize>,
    /// Repositories that failed.
    pub failed: Option<usize>,
    /// Why the cycle, or the first repository that failed, failed.
    pub error: Option<String>,
}

/// The replicas that share a store.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = Fleet)]
pub struct FleetSummary {
    /// This replica first.
    pub replicas: Vec<ReplicaSummary>,
}

/// One of the replicas that share a store.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = Replica)]
pub struct ReplicaSummary {
    pub replica: String,
    pub role: ReplicaRole,
    pub epoch: Option<u64>,
}

/// A replica that is stopping.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = Stopping)]
pub struct ShutdownAnswer {
    pub replica: String,
    /// `stopping`.
    pub status: String,
}

impl HealthMode {
    pub fn as_str(self) -> &'static str {
        match self {
            HealthMode::Healthy => "healthy",
            HealthMode::Degraded => "degraded",
            HealthMode::Unhealthy => "unhealthy",
            HealthMode::Unknown => "unknown",
        }
    }
}

impl ReplicaRole {
    /// The role that follows from the epoch of a leadership.
    pub fn of(epoch: Option<u64>) -> Self {
        if epoch.is_some() { ReplicaRole::Leader } else { ReplicaRole::Follower }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            ReplicaRole::Leader => "leader",
            ReplicaRole::Follower => "follower",
            ReplicaRole::Unknown => "unknown",
        }
    }
}
