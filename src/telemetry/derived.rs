//! Metrics derived from published states, by pure functions.

use actix_supervisor::{ActorState, RestartCause, TreeSnapshot};
use github_stats_actors::activity::Timestamp;
use github_stats_actors::health::{Dependency, HealthSnapshot};
use github_stats_actors::maintenance::{Pause, pause_of};
use github_stats_actors::queue::QueueState;
use github_stats_actors::role::{Epoch, Role, Roles};
use github_stats_actors::scheduler::{OrgState, SchedulerState};

use super::{QueueNames, catalogue};
use crate::exposition::{MetricFamily, SeriesCounts};

/// The organisations that this replica leads.
pub(super) fn organisations(state: &SchedulerState, pauses: &[Pause], now: Timestamp) -> Vec<MetricFamily> {
    let mut states = catalogue::ORG_STATE.family();
    let mut maintenance = catalogue::MAINTENANCE.family();
    let mut ratio = catalogue::COVERAGE_RATIO.family();
    let mut freshness = catalogue::FRESHNESS.family();
    let mut latest = None;
    for (org, status) in &state.organisations {
        maintenance.push(&[org.as_str()], flag(pause_of(pauses, org, now).is_some()));
        let org = org.as_str();
        for name in OrgState::NAMES {
            states.push(&[org, name], flag(status.state.as_str() == name));
        }
        if let Some(completeness) = status.completeness {
            ratio.push(&[org], completeness.coverage_ratio);
            if let Some(newest) = completeness.newest {
                freshness.push(&[org], now.seconds_since(newest).max(0) as f64);
            }
        }
        latest = latest.max(status.last_cycle_at);
    }
    let mut families = vec![states, maintenance, ratio, freshness];
    if let Some(latest) = latest {
        families.push(catalogue::LEADER_CYCLE.family().with(&[], latest.as_unix() as f64));
    }
    families
}

pub(super) fn queue(
    replica: &str,
    queues: &QueueNames,
    state: &QueueState,
    now: Timestamp,
) -> Vec<MetricFamily> {
    let (jobs, dead_letters) = (queues.jobs.as_str(), queues.dead_letters.as_str());
    let stats = &state.stats;
    let age = stats.oldest.map_or(0, |oldest| now.seconds_since(oldest).max(0));
    let depth = catalogue::QUEUE_DEPTH.family();
    vec![
        depth.with(&[jobs], stats.depth as f64).with(&[dead_letters], stats.dead as f64),
        catalogue::QUEUE_OLDEST.family().with(&[jobs], age as f64),
        catalogue::OUTBOX_BACKLOG.family().with(&[replica], state.status.outbox as f64),
        catalogue::CONSUMER_LAG.family().with(&[replica], state.lag_seconds as f64),
    ]
}

/// How many series of activity each family has.
pub fn series_families(counts: &SeriesCounts) -> MetricFamily {
    let mut by_family = catalogue::STORE_SERIES.family();
    counts.iter().for_each(|(name, count)| by_family.push(&[name], count as f64));
    by_family
}

pub(super) fn connections(replica: &str, open: usize, wanted: usize) -> MetricFamily {
    let connections = catalogue::STORE_CONNECTIONS.family();
    let closed = wanted.saturating_sub(open);
    connections.with(&[replica, "open"], open as f64).with(&[replica, "closed"], closed as f64)
}

pub(super) fn role(replica: &str, shard_roles: &Roles) -> Vec<MetricFamily> {
    let epoch = shard_roles.leads();
    let present = if epoch.is_some() { Role::Leader } else { Role::Follower };
    let mut roles = catalogue::ROLE.family();
    for role in [Role::Leader, Role::Follower] {
        roles.push(&[replica, role.as_str()], flag(role == present));
    }
    let shards = catalogue::SHARDS.family().with(&[], shard_roles.iter().count() as f64);
    let led = catalogue::LEADER_SHARDS.family().with(&[replica], shard_roles.shards_led() as f64);
    let mut families = vec![roles, shards, led];
    if let Some(Epoch(epoch)) = epoch {
        families.push(catalogue::LEADER_EPOCH.family().with(&[], epoch as f64));
    }
    families
}

/// The configured dependencies; one whose health is not known is left out.
pub(super) fn dependencies(health: &HealthSnapshot, configured: &[Dependency]) -> MetricFamily {
    let mut family = catalogue::DEPENDENCY_HEALTH.family();
    for dependency in configured {
        if let Some(is_healthy) = health.dependencies.get(dependency) {
            family.push(&[dependency.as_str()], flag(*is_healthy));
        }
    }
    family
}

/// Restarts of every cause, those that never occurred included: a counter that appears with 1 shows
/// no increase.
pub(super) fn actors(replica: &str, tree: &TreeSnapshot) -> Vec<MetricFamily> {
    let mut up = catalogue::ACTOR_UP.family();
    let mut restarts = catalogue::ACTOR_RESTARTS.family();
    let mut mailbox = catalogue::ACTOR_MAILBOX.family();
    for actor in &tree.actors {
        let id = actor.id.as_str();
        up.push(&[replica, id], flag(actor.state == ActorState::Running));
        for cause in RestartCause::ALL {
            restarts.push(&[replica, id, cause.as_str()], actor.restarts.get(cause) as f64);
        }
        mailbox.push(&[replica, id], actor.mailbox_depth as f64);
    }
    vec![up, restarts, mailbox]
}

fn flag(set: bool) -> f64 {
    f64::from(u8::from(set))
}
