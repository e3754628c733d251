//! This replica's side of the exchange with the others.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use github_stats_actors::activity::Timestamp;
use github_stats_actors::fleet::PeerExchange;
use github_stats_actors::role::Epoch;
use github_stats_actors::store::CountBatch;
use tokio::time::Instant;

use super::unsent_counts::{UnsentCounts, counted, families};
use crate::replica::{PeerReport, ReplicaState};
use crate::telemetry::{Metrics, own_families};

/// What replicas that use the same credentials report to each other of their rate limits.
pub trait SharedQuota: Send + Sync + 'static {
    /// What this replica uses.
    fn report(&self) -> serde_json::Value;

    /// The latest reports of all other live replicas.
    fn receive(&self, reports: Vec<serde_json::Value>);
}

/// Reports the state of this replica, and keeps the others' reports in it.
pub struct FleetExchange {
    replica: ReplicaState,
    metrics: Metrics,
    quota: Arc<dyn SharedQuota>,
    unsent: Mutex<UnsentCounts>,
    /// GitHub's time in the latest report of each replica, in seconds since the Unix epoch.
    times: Mutex<BTreeMap<String, i64>>,
}

impl FleetExchange {
    /// The exchange of `replica`; `writer` is unique for every start of every replica.
    pub fn new(replica: ReplicaState, metrics: Metrics, quota: Arc<dyn SharedQuota>, writer: String) -> Self {
        let unsent = Mutex::new(UnsentCounts::new(writer));
        FleetExchange { replica, metrics, quota, unsent, times: Mutex::default() }
    }

    fn unsent(&self) -> MutexGuard<'_, UnsentCounts> {
        self.unsent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A report that differs from the one before was written after that was read, so it bounds the
    /// time like an answer.
    fn learn_time(&self, reports: &[PeerReport], since: Instant) {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let mut latest = BTreeMap::new();
        for report in reports {
            let Some(time) = report.github_time else { continue };
            if times.get(&report.replica).is_some_and(|before| *before != time) {
                let answer = Timestamp::from_unix(report.github_answer.unwrap_or(i64::MIN));
                self.replica.clock.sync_with_peer(Timestamp::from_unix(time), answer, since, Instant::now());
            }
            latest.insert(report.replica.clone(), time);
        }
        *times = latest;
    }
}

impl PeerExchange for FleetExchange {
    fn report(&self) -> Vec<u8> {
        let (replica, clock) = (&self.replica, &self.replica.clock);
        let answer = clock.latest_response();
        let epoch = replica.roles.leads();
        let report = PeerReport {
            replica: replica.name.clone(),
            epoch: epoch.map(|Epoch(epoch)| epoch),
            load: replica.roles.load(),
            github_time: answer.map(|_| clock.now().as_unix()),
            github_answer: answer.map(Timestamp::as_unix),
            families: own_families(replica, &self.metrics, &self.metrics.scrapes().report()),
            quota: self.quota.report(),
            organisations: epoch.map(|_| replica.led_organisations()),
        };
        serde_json::to_vec(&report).unwrap_or_default()
    }

    fn receive(&self, reports: Vec<(String, Vec<u8>)>, since: Instant) {
        // A report that this version cannot read is skipped, like families of another shape.
        let readable = reports.iter().filter_map(|(_, report)| serde_json::from_slice(report).ok());
        let mut others: Vec<PeerReport> = readable.collect();
        others.retain(|report| report.replica != self.replica.name);
        let roles = &self.replica.roles;
        others.iter().filter_map(|report| report.epoch).for_each(|epoch| roles.note_epoch(Epoch(epoch)));
        roles.set_peers(others.iter().map(|report| report.load).collect());
        self.learn_time(&others, since);
        self.quota.receive(others.iter_mut().map(|report| report.quota.take()).collect());
        self.replica.peers.set_reports(others);
    }

    fn next_counts(&self) -> Option<CountBatch> {
        self.unsent().next(|| counted(&self.metrics.families()))
    }

    fn applied(&self, sequence: u64) {
        self.unsent().applied(sequence);
    }

    fn receive_totals(&self, totals: Option<BTreeMap<String, f64>>) {
        if totals.is_none() {
            self.replica.peers.set_reports(Vec::new());
            self.replica.roles.set_peers(Vec::new());
            self.quota.receive(Vec::new());
        }
        self.replica.peers.set_totals(totals.map(|totals| families(&totals)));
    }
}
