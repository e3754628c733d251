//! The actor that keeps the health snapshot up to date.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use actix_supervisor::Observable;
use tokio::time::{Instant, timeout};

use super::{HealthReport, HealthSnapshot, Probe, ProbeResult, Reports, StateReporter, Status, assess};
use crate::clock::Clock;

/// How often reports are requested and assessed.
const TICK: Duration = Duration::from_millis(250);
/// How long a probe may take.
const PROBE_LIMIT: Duration = Duration::from_secs(10);

/// The settings of a [`HealthActor`].
#[derive(Clone)]
pub struct HealthSettings {
    /// Sends the other actors' reports.
    pub reporter: StateReporter,
    /// Checks of dependencies.
    pub probes: Vec<Arc<dyn Probe>>,
    /// How often each of them is run.
    pub probe_interval: Duration,
    /// GitHub's clock.
    pub clock: Arc<Clock>,
    /// Where snapshots are published.
    pub snapshot: Observable<HealthSnapshot>,
}

/// Collects reports, assesses them and publishes the result. It keeps nothing that matters: a new
/// incarnation continues from the last snapshot and gets new reports at once.
pub struct HealthActor {
    settings: HealthSettings,
    reports: Reports,
}

impl HealthActor {
    /// An actor without reports.
    pub fn new(settings: HealthSettings) -> Self {
        let reports = Reports::expecting(settings.probes.iter().map(|probe| probe.component()));
        HealthActor { settings, reports }
    }

    fn tick(&mut self, ctx: &mut Context<Self>) {
        for report in self.settings.reporter.reports() {
            self.handle(report, ctx);
        }
        self.assess();
    }

    /// Assesses the reports received so far.
    fn assess(&self) {
        let before = self.settings.snapshot.get();
        let after = assess(&self.reports, &before, self.settings.clock.now(), Instant::now());
        log_changes(&before, &after);
        self.settings.snapshot.set(after);
    }

    fn probe(&self, ctx: &mut Context<Self>) {
        for probe in &self.settings.probes {
            let probe = probe.clone();
            let component = probe.component();
            let check = async move { timeout(PROBE_LIMIT, probe.check()).await };
            ctx.spawn(check.into_actor(self).map(move |result, _, ctx| {
                let timed_out = |_| ProbeResult {
                    status: Status::Degraded,
                    detail: format!("no answer within {} s", PROBE_LIMIT.as_secs()),
                };
                ctx.notify(HealthReport::Probe(component, result.unwrap_or_else(timed_out)));
            }));
        }
    }
}

impl Actor for HealthActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.probe(ctx);
        self.tick(ctx);
        ctx.run_interval(self.settings.probe_interval, |actor, ctx| actor.probe(ctx));
        ctx.run_interval(TICK, Self::tick);
    }
}

impl Handler<HealthReport> for HealthActor {
    type Result = ();

    fn handle(&mut self, report: HealthReport, _: &mut Self::Context) {
        self.reports.receive(report, self.settings.clock.now(), Instant::now());
    }
}

/// A component that has just started is not worth a log line: it is logged from its second status on.
fn log_changes(before: &HealthSnapshot, after: &HealthSnapshot) {
    for (name, component) in &after.components {
        let detail = &component.detail;
        match before.components.get(name) {
            Some(known) if known.reported.is_some() && known.status != component.status => {}
            _ => continue,
        }
        match component.status {
            Status::Unknown => tracing::info!(component = name, detail, "status unknown"),
            Status::Healthy => tracing::info!(component = name, "healthy again"),
            Status::Degraded => tracing::warn!(component = name, detail, "degraded"),
            Status::Unhealthy => tracing::error!(component = name, detail, "unhealthy"),
        }
    }
}
