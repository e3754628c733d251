//! What the replicas tell each other, and how it becomes one page.
//!
//! Every replica shows the same: its own values and those the live others told last, and of what they count together what
//! the store holds, never what this process counted alone, or a counter would seem to fall from one replica to the next.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, ArcSwapOption};
use github_stats_actors::activity::Timestamp;
use github_stats_actors::fleet::PeerExchange;
use github_stats_actors::role::{Epoch, PeerLoad};
use github_stats_actors::store::CountBatch;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::organisations::reports;
use super::unsent_counts::{self, UnsentCounts};
use super::{Metrics, OrgReports, Sources, catalogue, collect};
use crate::exposition::{MetricFamily, MetricValue};

/// What was heard of the other replicas. Cheap to clone; clones share everything.
#[derive(Clone, Default)]
pub struct Fleet(Arc<Heard>);

#[derive(Default)]
struct Heard {
    others: ArcSwap<Vec<Report>>,
    totals: ArcSwapOption<Vec<MetricFamily>>,
}

/// What a replica tells of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Report {
    replica: String,
    /// Under which epoch it leads, if it does: the greatest, where it leads several shards.
    epoch: Option<u64>,
    /// How many shards it leads.
    #[serde(default)]
    load: PeerLoad,
    /// GitHub's time when this was told, if it knows that; in seconds since the Unix epoch.
    github_time: Option<i64>,
    /// GitHub's time in the latest answer that the former goes by.
    #[serde(default)]
    github_answer: Option<i64>,
    families: Vec<MetricFamily>,
    /// What it uses of the limits that all share; what is in it is between the rooms.
    #[serde(default)]
    quota: serde_json::Value,
    /// The organisations it leads, if there are any.
    #[serde(default)]
    organisations: Option<OrgReports>,
}

/// Another live replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its name.
    pub replica: String,
    /// Under which epoch it leads, if it does.
    pub epoch: Option<Epoch>,
}

/// What replicas that use the same credentials tell each other.
pub trait SharedQuota: Send + Sync + 'static {
    /// What this replica uses.
    fn tell(&self) -> serde_json::Value;

    /// What all other live replicas told last.
    fn hear(&self, told: Vec<serde_json::Value>);
}

// === impl Fleet ===

impl Fleet {
    /// The other replicas, as last heard.
    pub fn peers(&self) -> Vec<Peer> {
        let others = self.0.others.load();
        let peer = |report: &Report| Peer { replica: report.replica.clone(), epoch: report.epoch.map(Epoch) };
        others.iter().map(peer).collect()
    }

    /// What all replicas count together; `None` while this one is cut off from that.
    pub fn totals(&self) -> Option<Arc<Vec<MetricFamily>>> {
        self.0.totals.load_full()
    }

    /// The organisations as those replicas tell of them that lead; where two do, the one under the greater epoch.
    pub(super) fn organisations(&self) -> OrgReports {
        let others = self.0.others.load();
        let mut leaders: Vec<&Report> = others.iter().filter(|report| report.epoch.is_some()).collect();
        leaders.sort_by_key(|report| report.epoch);
        leaders.into_iter().filter_map(|report| report.organisations.clone()).flatten().collect()
    }

    /// One page of what this replica tells of itself, what the others told and what all count together.
    pub(super) fn page(&self, own: Vec<MetricFamily>, leads: bool) -> Vec<MetricFamily> {
        let others = self.0.others.load();
        let mut health = catalogue::DEPENDENCY_HEALTH.family();
        let several = [catalogue::LEADER_EPOCH, catalogue::LEADER_CYCLE, catalogue::SHARDS];
        let mut greatest = several.map(|desc| desc.family());
        let mut families = Vec::new();
        // Of what several tell, the first counts: what the leader says of the organisations is the newest.
        let (leaders, followers): (Vec<&Report>, Vec<&Report>) =
            others.iter().partition(|report| report.epoch.is_some() && !leads);
        let leaders = leaders.into_iter().flat_map(|report| report.families.clone());
        let followers = followers.into_iter().flat_map(|report| report.families.clone());
        for family in leaders.chain(own).chain(followers) {
            match greatest.iter_mut().find(|known| known.name == family.name) {
                Some(known) => join(known, family, f64::max),
                None if family.name == health.name => join(&mut health, family, f64::min),
                None => families.push(family),
            }
        }
        families.push(health);
        families.extend(greatest.into_iter().filter(|family| !family.samples.is_empty()));
        if let Some(totals) = self.0.totals.load().as_ref() {
            families.extend(totals.iter().cloned());
        }
        families
    }
}

/// Takes over what several tell of one thing, each value `combined` with what is known.
fn join(known: &mut MetricFamily, told: MetricFamily, combined: fn(f64, f64) -> f64) {
    for sample in told.samples {
        match known.samples.iter_mut().find(|known| known.labels == sample.labels) {
            Some(known) => {
                if let (MetricValue::Number(known), MetricValue::Number(told)) =
                    (&mut known.value, &sample.value)
                {
                    *known = combined(*known, *told);
                }
            }
            None => known.samples.push(sample),
        }
    }
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleet").field("others", &self.0.others.load().len()).finish_non_exhaustive()
    }
}

/// This replica's side of the conversation.
pub struct FleetExchange {
    sources: Sources,
    metrics: Metrics,
    quota: Arc<dyn SharedQuota>,
    ledger: Mutex<UnsentCounts>,
    /// The time each replica told last.
    times: Mutex<BTreeMap<String, i64>>,
}

// === impl FleetExchange ===

impl FleetExchange {
    /// Speaks for the replica whose state is read there; `writer` is unique for every start of every replica.
    pub fn new(sources: Sources, metrics: Metrics, quota: Arc<dyn SharedQuota>, writer: String) -> Self {
        let ledger = Mutex::new(UnsentCounts::new(writer));
        FleetExchange { sources, metrics, quota, ledger, times: Mutex::default() }
    }

    fn ledger(&self) -> std::sync::MutexGuard<'_, UnsentCounts> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A report that differs from the one before was written after that was read, so it bounds the time like an answer.
    fn learn_time(&self, reports: &[Report], since: Instant) {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let mut told = BTreeMap::new();
        for report in reports {
            let Some(time) = report.github_time else { continue };
            if times.get(&report.replica).is_some_and(|before| *before != time) {
                let answer = Timestamp::from_unix(report.github_answer.unwrap_or(i64::MIN));
                self.sources.clock.sync_with_peer(Timestamp::from_unix(time), answer, since, Instant::now());
            }
            told.insert(report.replica.clone(), time);
        }
        *times = told;
    }
}

impl PeerExchange for FleetExchange {
    fn report(&self) -> Vec<u8> {
        let (sources, clock) = (&self.sources, &self.sources.clock);
        let answer = clock.latest_response();
        let report = Report {
            replica: sources.replica.clone(),
            epoch: sources.roles.leads().map(|Epoch(epoch)| epoch),
            load: sources.roles.load(),
            github_time: answer.map(|_| clock.now().as_unix()),
            github_answer: answer.map(Timestamp::as_unix),
            families: collect::own(sources, &self.metrics, &self.metrics.scrapes().report()),
            quota: self.quota.tell(),
            organisations: sources.roles.leads().map(|_| reports(&sources.led())),
        };
        serde_json::to_vec(&report).unwrap_or_default()
    }

    fn heard(&self, reports: Vec<(String, Vec<u8>)>, since: Instant) {
        // A report of a version that tells something else is passed over, like families of another shape.
        let readable = reports.iter().filter_map(|(_, report)| serde_json::from_slice(report).ok());
        let mut others: Vec<Report> = readable.collect();
        others.retain(|report| report.replica != self.sources.replica);
        others.iter().filter_map(|report| report.epoch).for_each(|epoch| {
            self.sources.roles.note_epoch(Epoch(epoch));
        });
        self.sources.roles.set_peers(others.iter().map(|report| report.load).collect());
        self.learn_time(&others, since);
        self.quota.hear(others.iter_mut().map(|report| report.quota.take()).collect());
        self.sources.fleet.0.others.store(Arc::new(others));
    }

    fn next_counts(&self) -> Option<CountBatch> {
        self.ledger().next(|| unsent_counts::counted(&self.metrics.families()))
    }

    fn applied(&self, sequence: u64) {
        self.ledger().applied(sequence);
    }

    fn totals(&self, totals: Option<BTreeMap<String, f64>>) {
        let heard = &self.sources.fleet.0;
        if totals.is_none() {
            heard.others.store(Arc::default());
            self.sources.roles.set_peers(Vec::new());
            self.quota.hear(Vec::new());
        }
        heard.totals.store(totals.map(|totals| Arc::new(unsent_counts::families(&totals))));
    }
}
