//! All operational families of this replica at one moment.

use std::sync::atomic::Ordering;

use github_stats_actors::supervision::RootHandle;

use super::{Metrics, ScrapeReport, Sources, catalogue, derived, machine};
use crate::exposition::{Family, SeriesCounts, merged};

/// Everything this replica tells of itself, by name. Asks no actor and waits for nothing.
///
/// What only the leader knows (the states and completeness of organisations) is told by the leader only: a follower's
/// idea of it is as old as its last leadership.
pub fn collect(
    sources: &Sources,
    metrics: &Metrics,
    series: &SeriesCounts,
    scrapes: &ScrapeReport,
) -> Vec<Family> {
    let replica = sources.replica.as_str();
    let now = sources.clock.now();
    let epoch = sources.role.leads();
    let mut families = metrics.families();
    families.extend(scrapes.families(replica));
    if epoch.is_some() {
        families.extend(derived::organisations(&sources.scheduler.get(), now));
    }
    families.extend(derived::queue(&sources.queue.get().stats, now));
    families.extend(derived::series(series, sources.series_refused.load(Ordering::Relaxed)));
    families.extend(derived::role(replica, epoch));
    families.push(derived::dependencies(&sources.health.get(), &sources.dependencies));
    if let Some(tree) = sources.tree.get().map(RootHandle::tree) {
        families.extend(derived::actors(replica, &tree));
    }
    families.extend(machine(sources));
    merged(families)
}

fn machine(sources: &Sources) -> Vec<Family> {
    let labels = [sources.replica.as_str()];
    let mut families = machine::process(&sources.replica);
    if let Some(limit) = machine::memory_limit() {
        families.push(catalogue::MEMORY_LIMIT.family().with(&labels, limit as f64));
    }
    if let Some(free) = sources.disk_free.as_ref().and_then(|free| free()) {
        families.push(catalogue::DISK_FREE.family().with(&labels, free as f64));
    }
    families
}
