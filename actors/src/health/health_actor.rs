//! The actor that keeps the health snapshot fresh.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix::prelude::*;

use super::{HealthSnapshot, Inputs, Probe, ProbeResult, Status, assess};
use crate::clock::Clock;
use crate::maintenance::PauseRegistry;
use crate::queue::QueueState;
use crate::role::{Role, Roles};
use crate::scheduler::SchedulerState;
use crate::store::StoreState;
use actix_supervisor::Observable;
use actix_supervisor::{RootHandle, TreeSnapshot};

/// How often health is assessed.
const TICK: Duration = Duration::from_millis(250);
/// How long a probe may take.
const PROBE_LIMIT: Duration = Duration::from_secs(10);

/// What the health actor is made of.
#[derive(Clone)]
pub struct HealthSettings {
    /// The store actor's state.
    pub store: Observable<StoreState>,
    /// The queue actor's state.
    pub queue: Observable<QueueState>,
    /// The role.
    pub roles: Roles,
    /// The scheduler's state.
    pub scheduler: Observable<SchedulerState>,
    /// What operators have paused.
    pub maintenance: PauseRegistry,
    /// The tree, as soon as it is started.
    pub tree: Arc<OnceLock<RootHandle>>,
    /// Whom to ask, and how often.
    pub probes: Vec<Arc<dyn Probe>>,
    /// How often they are asked.
    pub probe_interval: Duration,
    /// Set when the replica is going down.
    pub draining: Arc<AtomicBool>,
    /// GitHub's time.
    pub clock: Arc<Clock>,
    /// Where snapshots go.
    pub snapshot: Observable<HealthSnapshot>,
}

/// Assesses the replica from what the other actors show and the probes find. It keeps nothing that matters: a new
/// incarnation takes over the last snapshot and asks the probes again.
pub struct HealthActor {
    settings: HealthSettings,
    probes: BTreeMap<&'static str, ProbeResult>,
}

impl HealthActor {
    /// An actor that begins to assess when it starts.
    pub fn new(settings: HealthSettings) -> Self {
        HealthActor { settings, probes: BTreeMap::new() }
    }

    fn assess(&self) {
        let settings = &self.settings;
        let role = settings.roles.get();
        let inputs = Inputs {
            store: &settings.store.get(),
            queue: &settings.queue.get(),
            role: &role,
            leads: settings.roles.leads().is_some(),
            shards: (settings.roles.shards_led(), settings.roles.iter().count()),
            scheduler: &settings.scheduler.get(),
            maintenance: &settings.maintenance.active_pauses(),
            tree: settings.tree.get().map_or_else(no_tree, RootHandle::tree),
            probes: &self.probes,
            draining: settings.draining.load(Ordering::Acquire),
        };
        let before = settings.snapshot.get();
        let after = assess(&inputs, &before, settings.clock.now());
        log_changes(&before, &after);
        settings.snapshot.set(after);
    }

    fn probe(&self, ctx: &mut Context<Self>) {
        for probe in &self.settings.probes {
            let probe = probe.clone();
            let component = probe.component();
            let check = async move { tokio::time::timeout(PROBE_LIMIT, probe.check()).await };
            ctx.spawn(check.into_actor(self).map(move |found, actor, _| {
                let silent = |_| ProbeResult {
                    status: Status::Degraded,
                    detail: format!("no answer within {} s", PROBE_LIMIT.as_secs()),
                };
                actor.probes.insert(component, found.unwrap_or_else(silent));
            }));
        }
    }
}

fn no_tree() -> TreeSnapshot {
    TreeSnapshot { actors: Vec::new() }
}

fn log_changes(before: &HealthSnapshot, after: &HealthSnapshot) {
    for (name, component) in &after.components {
        // What is still starting is not worth a warning; what does not come up is, at the next change.
        let Some(was) = before.components.get(name).map(|component| component.status) else { continue };
        if was == component.status {
            continue;
        }
        match component.status {
            Status::Healthy => tracing::info!(component = name, "healthy again"),
            Status::Degraded => tracing::warn!(component = name, detail = component.detail, "degraded"),
            Status::Unhealthy => tracing::error!(component = name, detail = component.detail, "unhealthy"),
        }
    }
}

impl HealthSnapshot {
    /// What is told before the first assessment: not ready.
    pub fn starting() -> Self {
        HealthSnapshot {
            mode: Status::Degraded,
            role: Role::Follower,
            epoch: None,
            ready: false,
            at: crate::activity::Timestamp::from_unix(0),
            components: BTreeMap::new(),
            organisations: BTreeMap::new(),
            actors: no_tree(),
        }
    }
}

impl Actor for HealthActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.probe(ctx);
        self.assess();
        ctx.run_interval(self.settings.probe_interval, |actor, ctx| actor.probe(ctx));
        ctx.run_interval(TICK, |actor, _| actor.assess());
    }
}
