//! From states to a snapshot: plain functions.

use std::collections::BTreeMap;

use super::{Component, HealthSnapshot, ProbeResult, Status};
use crate::activity::Timestamp;
use crate::maintenance::Pause;
use crate::queue::QueueState;
use crate::role::{Role, RoleView};
use crate::scheduler::{CycleResult, OrgState, SchedulerState};
use crate::store::StoreState;
use actix_supervisor::{ActorState, TreeSnapshot};

/// The states of the other actors, as last shown.
#[derive(Clone, Debug)]
pub struct Inputs<'a> {
    /// The store actor's.
    pub store: &'a StoreState,
    /// The queue actor's.
    pub queue: &'a QueueState,
    /// The role actor's.
    pub role: &'a RoleView,
    /// Whether the role is still good now.
    pub leads: bool,
    /// How many shards this replica leads, and how many there are.
    pub shards: (usize, usize),
    /// The scheduler's.
    pub scheduler: &'a SchedulerState,
    /// What operators have paused now.
    pub maintenance: &'a [Pause],
    /// The tree; empty before it was started.
    pub tree: TreeSnapshot,
    /// What the probes found last.
    pub probes: &'a BTreeMap<&'static str, ProbeResult>,
    /// Whether this replica is going down.
    pub draining: bool,
}

type Finding = (Status, String);

fn healthy() -> Finding {
    (Status::Healthy, String::new())
}

/// Assesses the replica at `now`; a component that is as it was in `before` keeps its `since`.
pub fn assess(inputs: &Inputs<'_>, before: &HealthSnapshot, now: Timestamp) -> HealthSnapshot {
    let mut findings: BTreeMap<&'static str, Finding> =
        inputs.probes.iter().map(|(name, found)| (*name, (found.status, found.detail.clone()))).collect();
    findings.insert("store", store(inputs.store));
    findings.insert("queue", queue(inputs.queue));
    findings.extend(amqp(inputs.queue).map(|finding| ("amqp", finding)));
    findings.insert("election", election(inputs.role, inputs.shards));
    findings.insert("github", github(inputs.scheduler));
    findings.insert("maintenance", maintenance(inputs.maintenance, now));
    findings.insert("actors", actors(&inputs.tree));
    let components: BTreeMap<&'static str, Component> = findings
        .into_iter()
        .map(|(name, (status, detail))| {
            let known = before.components.get(name).filter(|component| component.status == status);
            (name, Component { status, since: known.map_or(now, |component| component.since), detail })
        })
        .collect();
    HealthSnapshot {
        mode: components.values().map(|component| component.status).max().unwrap_or_default(),
        role: if inputs.leads { Role::Leader } else { Role::Follower },
        epoch: inputs.role.epoch.filter(|_| inputs.leads),
        // GitHub or the queue may be down: what is stored can be served all the same.
        ready: inputs.store.loaded && !inputs.draining,
        at: now,
        components,
        organisations: inputs.scheduler.organisations.clone(),
        actors: inputs.tree.clone(),
    }
}

fn store(state: &StoreState) -> Finding {
    if let Some(why) = &state.cut_off {
        let status = if state.loaded { Status::Degraded } else { Status::Unhealthy };
        return (status, format!("collecting into the local store: {why}"));
    }
    match (&state.last_error, state.loaded) {
        (Some(error), true) => (Status::Degraded, error.clone()),
        (Some(error), false) => (Status::Unhealthy, error.clone()),
        (None, false) => (Status::Degraded, "the series view is being loaded".into()),
        (None, true) => healthy(),
    }
}

fn queue(state: &QueueState) -> Finding {
    state.last_error.as_ref().map_or_else(healthy, |error| (Status::Degraded, error.clone()))
}

/// Nothing where no broker is configured.
fn amqp(state: &QueueState) -> Option<Finding> {
    let broker = state.status.broker.as_ref()?;
    Some(match (broker.connected, state.status.outbox) {
        (true, _) => healthy(),
        (false, 0) => (Status::Degraded, format!("{}; jobs wait here until it is back", broker.detail)),
        (false, waiting) => {
            (Status::Degraded, format!("{}; {waiting} messages wait here until it is back", broker.detail))
        }
    })
}

/// The one component that always has something to say: what decides, and why that.
fn election(role: &RoleView, (led, shards): (usize, usize)) -> Finding {
    let mut detail = match role.basis.reason.as_str() {
        "" => role.basis.backend.to_owned(),
        reason => format!("{}: {reason}", role.basis.backend),
    };
    if shards > 1 {
        detail += &format!("; this replica leads {led} of {shards} shards");
    }
    if let Some(leader) = &role.leader {
        detail += &format!("; {leader} leads");
    }
    if role.leads_without_election {
        detail += "; nobody can be elected, so this replica goes on collecting into its local store";
    }
    if let Some(error) = &role.last_error {
        detail += &format!("; {error}");
    }
    let degraded = role.basis.degraded || role.last_error.is_some();
    (if degraded { Status::Degraded } else { Status::Healthy }, detail)
}

/// Healthy exactly while every organisation is; an organisation that only failed lately is worth a word.
fn github(scheduler: &SchedulerState) -> Finding {
    let mut worst = healthy();
    for (org, status) in &scheduler.organisations {
        let error = status.last_cycle.as_ref().and_then(|cycle| cycle.error.as_deref());
        match status.state {
            OrgState::Cooldown { until } => {
                return (
                    Status::Degraded,
                    format!("{org} is left alone until {until}: {}", error.unwrap_or("unknown")),
                );
            }
            OrgState::Recovering { .. } => worst = (Status::Degraded, format!("{org} is recovering")),
            OrgState::Healthy { .. } => {
                let failed =
                    status.last_cycle.as_ref().is_some_and(|cycle| cycle.result == CycleResult::Failure);
                if failed && worst.0 == Status::Healthy {
                    worst = (
                        Status::Degraded,
                        format!("the last cycle of {org} failed: {}", error.unwrap_or("unknown")),
                    );
                }
            }
        }
    }
    worst
}

/// Numbers grow old on purpose: degraded, so that nobody wonders. Who asked for it is for operators only.
fn maintenance(pauses: &[Pause], now: Timestamp) -> Finding {
    let told = pauses.iter().map(|pause| {
        let what = if pause.org.as_str() == Pause::ALL { "every organisation" } else { pause.org.as_str() };
        // Rounded up: at the last second it is still paused.
        let minutes = (pause.until.seconds_since(now) + 59) / 60;
        format!("scraping of {what} is paused for another {minutes} min: {}", pause.reason)
    });
    match pauses.is_empty() {
        true => healthy(),
        false => (Status::Degraded, told.collect::<Vec<_>>().join("; ")),
    }
}

fn actors(tree: &TreeSnapshot) -> Finding {
    let down: Vec<&str> = tree
        .actors
        .iter()
        .filter(|actor| matches!(actor.state, ActorState::BackingOff | ActorState::Failed))
        .map(|actor| actor.id.as_str())
        .collect();
    if down.is_empty() { healthy() } else { (Status::Degraded, format!("not running: {}", down.join(", "))) }
}
