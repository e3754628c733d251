//! The metrics of this replica.

use super::{Metrics, ScrapeReport, catalogue, derived, machine};
use crate::exposition::{MetricFamily, MetricKind, MetricValue};
use crate::replica::ReplicaState;

/// This replica's own families, without what all replicas count together.
///
/// What only a leader knows (the states and completeness of its organisations) is left out by a
/// follower, whose knowledge of it is as old as its last leadership.
pub fn own_families(replica: &ReplicaState, metrics: &Metrics, scrapes: &ScrapeReport) -> Vec<MetricFamily> {
    let name = replica.name.as_str();
    let now = replica.clock.now();
    let mut families = metrics.families();
    families.retain(|family| !catalogue::is_counted_together(&family.name));
    families.extend(scrapes.families(name));
    if replica.roles.leads().is_some() {
        families.extend(derived::organisations(&replica.led(), &replica.pauses.get(), now));
        families.extend(metrics.loc_sources().families(|org| replica.leads_for(org)));
    }
    families.extend(derived::queue(name, metrics.queues(), &replica.queue.get(), now));
    if let Some(connections) = &replica.connections {
        let (open, wanted) = connections();
        families.push(derived::connections(name, open, wanted));
    }
    families.extend(derived::role(name, &replica.roles));
    families.push(derived::dependencies(&replica.health.get(), &replica.dependencies));
    families.extend(machine_families(replica));
    set_created(&mut families);
    families
}

/// Counters of one replica were created when its process started. When those of all replicas were
/// is not known.
fn set_created(families: &mut [MetricFamily]) {
    let start = families.iter().find(|family| family.name == catalogue::PROCESS_START.name);
    let start = start.and_then(|family| family.samples.first()).map(|sample| sample.value.clone());
    let Some(MetricValue::Number(start)) = start else { return };
    let counts = |family: &&mut MetricFamily| {
        family.kind != MetricKind::Gauge && family.labels.iter().any(|label| label == "replica")
    };
    for family in families.iter_mut().filter(counts) {
        family.samples.iter_mut().for_each(|sample| sample.created = Some(start));
    }
}

fn machine_families(replica: &ReplicaState) -> Vec<MetricFamily> {
    let labels = [replica.name.as_str()];
    let mut families = Vec::new();
    if let Some(limit) = machine::memory_limit() {
        families.push(catalogue::MEMORY_LIMIT.family().with(&labels, limit as f64));
    }
    if let Some(space) = *replica.disk.get() {
        families.push(catalogue::DISK_FREE.family().with(&labels, space.free as f64));
        families.push(catalogue::DISK_TOTAL.family().with(&labels, space.total as f64));
    }
    families
}
