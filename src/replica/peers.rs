//! The reports of the other replicas.

use std::fmt;
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption, Guard};
use github_stats_actors::role::{Epoch, PeerLoad};
use serde::{Deserialize, Serialize};

use super::OrgReports;
use crate::exposition::MetricFamily;

/// A replica's report of itself, as it is exchanged. Two versions exchange reports during an
/// upgrade, so names stay, and what is added has a default.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PeerReport {
    /// The replica's name.
    pub replica: String,
    /// The epoch under which it leads: the greatest, where it leads several shards. `None` for a follower.
    pub epoch: Option<u64>,
    /// How many shards it leads, and whether it could lead more.
    #[serde(default)]
    pub load: PeerLoad,
    /// GitHub's time when the report was made, in seconds since the Unix epoch; `None` where that
    /// is not known.
    pub github_time: Option<i64>,
    /// GitHub's time in the latest answer on which `github_time` rests.
    #[serde(default)]
    pub github_answer: Option<i64>,
    /// Its own metrics.
    pub families: Vec<MetricFamily>,
    /// What it uses of the rate limits that all replicas share; the format is that of the rate limiters.
    #[serde(default)]
    pub quota: serde_json::Value,
    /// The organisations that it leads; `None` for a follower.
    #[serde(default)]
    pub organisations: Option<OrgReports>,
}

/// Another live replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its name.
    pub replica: String,
    /// The epoch under which it leads; `None` for a follower.
    pub epoch: Option<Epoch>,
}

/// The latest reports of the other live replicas, and the sums of what all replicas count. Cheap to
/// clone; clones share everything.
#[derive(Clone, Default)]
pub struct Peers(Arc<Received>);

#[derive(Default)]
struct Received {
    reports: ArcSwap<Vec<PeerReport>>,
    totals: ArcSwapOption<Vec<MetricFamily>>,
}

impl Peers {
    /// The other live replicas.
    pub fn list(&self) -> Vec<Peer> {
        let peer =
            |report: &PeerReport| Peer { replica: report.replica.clone(), epoch: report.epoch.map(Epoch) };
        self.reports().iter().map(peer).collect()
    }

    /// Their latest reports.
    pub fn reports(&self) -> Guard<Arc<Vec<PeerReport>>> {
        self.0.reports.load()
    }

    /// Replaces the reports.
    pub fn set_reports(&self, reports: Vec<PeerReport>) {
        self.0.reports.store(Arc::new(reports));
    }

    /// Counters summed over all replicas; `None` while this replica cannot read the sums.
    pub fn totals(&self) -> Option<Arc<Vec<MetricFamily>>> {
        self.0.totals.load_full()
    }

    /// Replaces the sums.
    pub fn set_totals(&self, totals: Option<Vec<MetricFamily>>) {
        self.0.totals.store(totals.map(Arc::new));
    }

    /// The organisations as the other leaders report them; where two report one, that of the
    /// greater epoch counts.
    pub(super) fn organisations(&self) -> OrgReports {
        let reports = self.reports();
        let mut leaders: Vec<&PeerReport> = reports.iter().filter(|report| report.epoch.is_some()).collect();
        leaders.sort_by_key(|report| report.epoch);
        leaders.into_iter().filter_map(|report| report.organisations.clone()).flatten().collect()
    }
}

impl fmt::Debug for Peers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peers").field("reports", &self.reports().len()).finish_non_exhaustive()
    }
}
