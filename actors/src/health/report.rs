//! What the other actors report to the health actor.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix::prelude::*;
use actix_supervisor::TreeSnapshot;
use tokio::time::Instant;

use super::ProbeResult;
use crate::activity::{OrgName, Timestamp};
use crate::maintenance::Pause;
use crate::queue::QueueState;
use crate::role::{Epoch, RoleView};
use crate::scheduler::OrgStatus;
use crate::store::StoreState;

/// One reporter's present state. Sent at least once per [`HealthActor`](super::HealthActor) tick
/// while the reporter runs, so that a silent reporter is noticed.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub enum HealthReport {
    /// From the store actor.
    Store(Arc<StoreState>),
    /// From the queue actor.
    Queue(Arc<QueueState>),
    /// From the role actors of all shards.
    Role(RoleReport),
    /// From the scheduler.
    Scheduler(SchedulerReport),
    /// From the maintenance actor: the pauses that have not ended.
    Maintenance(Vec<Pause>),
    /// From the supervision tree.
    Actors(TreeSnapshot),
    /// From the probe of the component of this name.
    Probe(&'static str, ProbeResult),
}

/// The role of this replica in all shards.
#[derive(Clone, Debug, PartialEq)]
pub struct RoleReport {
    /// The role, of a shard that this replica leads if there is one.
    pub view: RoleView,
    /// The greatest epoch under which it leads; `None` for a follower.
    pub epoch: Option<Epoch>,
    /// Shards that it leads.
    pub shards_led: usize,
    /// Shards in total.
    pub shards: usize,
}

/// What the scheduler knows of the organisations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SchedulerReport {
    /// Those that this replica is to scrape now: the shards it leads, or all while it leads without election.
    pub scheduled: BTreeMap<OrgName, OrgStatus>,
    /// Everything the scheduler knows, including organisations it scraped under an earlier leadership.
    pub known: BTreeMap<OrgName, OrgStatus>,
}

/// A report and when it was received.
#[derive(Clone, Debug)]
pub(super) struct Received<T> {
    /// What was reported.
    pub(super) report: T,
    /// When, on GitHub's clock; for people.
    pub(super) at: Timestamp,
    /// When, on this machine's monotonic clock; to notice silence.
    pub(super) instant: Instant,
}

/// The latest report of every reporter; `None` until its first one.
#[derive(Clone, Debug, Default)]
pub struct Reports {
    pub(super) store: Option<Received<Arc<StoreState>>>,
    pub(super) queue: Option<Received<Arc<QueueState>>>,
    pub(super) role: Option<Received<RoleReport>>,
    pub(super) scheduler: Option<Received<SchedulerReport>>,
    pub(super) maintenance: Option<Received<Vec<Pause>>>,
    pub(super) actors: Option<Received<TreeSnapshot>>,
    pub(super) probes: BTreeMap<&'static str, Option<Received<ProbeResult>>>,
}

impl Reports {
    /// No reports yet; those of the probes of these components are expected besides the actors'.
    pub fn expecting(probes: impl IntoIterator<Item = &'static str>) -> Self {
        let probes = probes.into_iter().map(|component| (component, None)).collect();
        Reports { probes, ..Reports::default() }
    }

    /// Replaces the reporter's earlier report.
    pub fn receive(&mut self, report: HealthReport, at: Timestamp, instant: Instant) {
        match report {
            HealthReport::Store(report) => self.store = Some(Received { report, at, instant }),
            HealthReport::Queue(report) => self.queue = Some(Received { report, at, instant }),
            HealthReport::Role(report) => self.role = Some(Received { report, at, instant }),
            HealthReport::Scheduler(report) => self.scheduler = Some(Received { report, at, instant }),
            HealthReport::Maintenance(report) => self.maintenance = Some(Received { report, at, instant }),
            HealthReport::Actors(report) => self.actors = Some(Received { report, at, instant }),
            HealthReport::Probe(component, report) => {
                self.probes.insert(component, Some(Received { report, at, instant }));
            }
        }
    }
}
