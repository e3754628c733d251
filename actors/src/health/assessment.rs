//! What decides that the replica, or a component of it, is degraded: [`assess`], a pure function of
//! the reports.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_supervisor::{ActorState, TreeSnapshot};
use tokio::time::Instant;

use super::report::Received;
use super::{
    Component, Dependency, HealthSnapshot, ProbeResult, Reports, RoleReport, SchedulerReport, Status,
};
use crate::activity::{OrgName, Timestamp};
use crate::maintenance::Pause;
use crate::queue::QueueState;
use crate::role::Role;
use crate::scheduler::{CycleResult, OrgState, OrgStatus};
use crate::store::StoreState;

/// An actor that has not reported for this long is silent: its component becomes [`Status::Unknown`].
const SILENCE: Duration = Duration::from_secs(10);

/// A component's status and the reason for it.
type Finding = (Status, String);

fn healthy() -> Finding {
    (Status::Healthy, String::new())
}

fn degraded(detail: impl Into<String>) -> Finding {
    (Status::Degraded, detail.into())
}

fn unknown(detail: impl Into<String>) -> Finding {
    (Status::Unknown, detail.into())
}

/// Assesses the replica from the latest reports. `now` is GitHub's time, `instant` the same moment
/// on the monotonic clock. A component whose status is the same as in `before` keeps its `since`.
pub fn assess(
    reports: &Reports,
    before: &HealthSnapshot,
    now: Timestamp,
    instant: Instant,
) -> HealthSnapshot {
    let mut assessment = Assessment { before, now, instant, components: BTreeMap::new(), missing: false };
    assessment.actor("store", reports.store.as_ref(), |report| store(report));
    assessment.actor("queue", reports.queue.as_ref(), |report| queue(report));
    if reports.queue.as_ref().is_some_and(|received| received.report.status.broker.is_some()) {
        assessment.actor("amqp", reports.queue.as_ref(), |report| amqp(report));
    }
    assessment.actor("election", reports.role.as_ref(), election);
    assessment.actor("github", reports.scheduler.as_ref(), github);
    assessment.actor("maintenance", reports.maintenance.as_ref(), |pauses| maintenance(pauses, now));
    assessment.actor("actors", reports.actors.as_ref(), actors);
    for (name, received) in &reports.probes {
        assessment.probe(name, received.as_ref().map(|received| (received.at, &received.report)));
    }
    let scheduled = reports.scheduler.as_ref().map(|received| &received.report.scheduled);
    let role = reports.role.as_ref().map(|received| &received.report);
    let epoch = role.and_then(|role| role.epoch);
    HealthSnapshot {
        mode: assessment.mode(),
        role: if epoch.is_some() { Role::Leader } else { Role::Follower },
        epoch,
        // GitHub or the queue may be down: what is stored can be served all the same.
        ready: reports.store.as_ref().is_some_and(|received| received.report.loaded),
        not_ready: None,
        at: now,
        dependencies: dependencies(&assessment.components, scheduled),
        components: assessment.components,
        organisations: reports
            .scheduler
            .as_ref()
            .map(|received| received.report.known.clone())
            .unwrap_or_default(),
        actors: reports
            .actors
            .as_ref()
            .map_or_else(|| TreeSnapshot { actors: Vec::new() }, |received| received.report.clone()),
    }
}

/// The components assessed so far.
struct Assessment<'a> {
    before: &'a HealthSnapshot,
    now: Timestamp,
    instant: Instant,
    components: BTreeMap<&'static str, Component>,
    /// Whether a reporter has never reported, or is silent.
    missing: bool,
}

impl Assessment<'_> {
    /// Adds the component that an actor reports.
    fn actor<T>(
        &mut self,
        name: &'static str,
        received: Option<&Received<T>>,
        find: impl FnOnce(&T) -> Finding,
    ) {
        let Some(received) = received else { return self.never_reported(name) };
        let age = self.instant.saturating_duration_since(received.instant);
        let is_silent = age > SILENCE;
        self.missing |= is_silent;
        let finding = match is_silent {
            true => unknown(format!("no report for {} s", age.as_secs())),
            false => find(&received.report),
        };
        self.add(name, finding, Some(received.at));
    }

    /// Adds the component that a probe reports; probes are run too seldom for their silence to mean anything.
    fn probe(&mut self, name: &'static str, result: Option<(Timestamp, &ProbeResult)>) {
        match result {
            Some((at, result)) => self.add(name, (result.status, result.detail.clone()), Some(at)),
            None => self.never_reported(name),
        }
    }

    fn never_reported(&mut self, name: &'static str) {
        self.missing = true;
        self.add(name, unknown("not reported yet"), None);
    }

    fn add(&mut self, name: &'static str, (status, detail): Finding, reported: Option<Timestamp>) {
        let known = self.before.components.get(name).filter(|component| component.status == status);
        let since = known.map_or(self.now, |component| component.since);
        self.components.insert(name, Component { status, since, detail, reported });
    }

    /// The worst status of a component, and at best degraded while a report is missing.
    fn mode(&self) -> Status {
        let worst = self.components.values().map(|component| component.status).max().unwrap_or_default();
        let best = if self.missing { Status::Degraded } else { Status::Healthy };
        worst.max(best)
    }
}

fn store(state: &StoreState) -> Finding {
    if let Some(error) = &state.cut_off {
        let status = if state.loaded { Status::Degraded } else { Status::Unhealthy };
        return (status, format!("collecting into the local store: {error}"));
    }
    match (&state.last_error, state.loaded) {
        (Some(error), true) => degraded(error.clone()),
        (Some(error), false) => (Status::Unhealthy, error.clone()),
        (None, false) => degraded("the series view is being loaded"),
        (None, true) => healthy(),
    }
}

fn queue(state: &QueueState) -> Finding {
    state.last_error.as_ref().map_or_else(healthy, |error| degraded(error.clone()))
}

/// The connection to the broker; only where one is configured.
fn amqp(state: &QueueState) -> Finding {
    let Some(broker) = &state.status.broker else { return healthy() };
    match (broker.connected, state.status.outbox) {
        (true, _) => healthy(),
        (false, 0) => degraded(format!("{}; jobs wait here until it is back", broker.detail)),
        (false, waiting) => {
            degraded(format!("{}; {waiting} messages wait here until it is back", broker.detail))
        }
    }
}

/// Its detail is never empty: it says what decides the election and why.
fn election(report: &RoleReport) -> Finding {
    let (role, led, shards) = (&report.view, report.shards_led, report.shards);
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
    let is_degraded = role.basis.degraded || role.last_error.is_some();
    (if is_degraded { Status::Degraded } else { Status::Healthy }, detail)
}

/// GitHub as the scrape cycles of this replica see it; a replica that scrapes nothing does not
/// know. It is degraded as soon as the last cycle of an organisation failed.
fn github(report: &SchedulerReport) -> Finding {
    if report.scheduled.is_empty() {
        return unknown("this replica scrapes no organisation");
    }
    let mut finding = healthy();
    for (org, status) in &report.scheduled {
        let error = status.last_cycle.as_ref().and_then(|cycle| cycle.error.as_deref()).unwrap_or("unknown");
        match status.state {
            OrgState::Cooldown { until } => {
                return degraded(format!("{org} is in cooldown until {until}: {error}"));
            }
            OrgState::Recovering { .. } => finding = degraded(format!("{org} is recovering")),
            OrgState::Healthy { .. } => {
                let cycle = status.last_cycle.as_ref();
                let has_failed = cycle.is_some_and(|cycle| cycle.result == CycleResult::Failure);
                if has_failed && finding.0 == Status::Healthy {
                    finding = degraded(format!("the last cycle of {org} failed: {error}"));
                }
            }
        }
    }
    finding
}

/// Paused organisations age on purpose, and should not surprise anybody. The operator's name is
/// left out: `/healthz` is public.
fn maintenance(pauses: &[Pause], now: Timestamp) -> Finding {
    if pauses.is_empty() {
        return healthy();
    }
    let details = pauses.iter().map(|pause| {
        let what = if pause.org.as_str() == Pause::ALL { "every organisation" } else { pause.org.as_str() };
        // Rounded up: in its last second it is still paused.
        let minutes = (pause.until.seconds_since(now) + 59) / 60;
        format!("scraping of {what} is paused for another {minutes} min: {}", pause.reason)
    });
    degraded(details.collect::<Vec<_>>().join("; "))
}

fn actors(tree: &TreeSnapshot) -> Finding {
    let is_down = |state| matches!(state, ActorState::BackingOff | ActorState::Failed);
    let down: Vec<&str> =
        tree.actors.iter().filter(|actor| is_down(actor.state)).map(|actor| actor.id.as_str()).collect();
    if down.is_empty() { healthy() } else { degraded(format!("not running: {}", down.join(", "))) }
}

/// Whether each dependency is healthy, as far as that is known.
fn dependencies(
    components: &BTreeMap<&'static str, Component>,
    scheduled: Option<&BTreeMap<OrgName, OrgStatus>>,
) -> BTreeMap<Dependency, bool> {
    let known = Dependency::ALL.into_iter().filter_map(|dependency| {
        let component = dependency.components().iter().find_map(|name| components.get(name))?;
        let is_healthy = match (dependency, component.status) {
            (_, Status::Unknown) => return None,
            // One failed cycle degrades the component, but GitHub counts as healthy until a cooldown begins.
            (Dependency::Github, _) => {
                scheduled?.values().all(|org| matches!(org.state, OrgState::Healthy { .. }))
            }
            (_, status) => status == Status::Healthy,
        };
        Some((dependency, is_healthy))
    });
    known.collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::health::HealthReport;
    use crate::role::{Epoch, RoleView};

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn org(state: OrgState) -> BTreeMap<OrgName, OrgStatus> {
        let status = OrgStatus {
            state,
            scraping: false,
            interval_seconds: 300.0,
            last_due: None,
            next_due: None,
            last_cycle_at: None,
            last_cycle: None,
            completeness: None,
        };
        BTreeMap::from([("acme".into(), status)])
    }

    fn role(epoch: Option<Epoch>) -> HealthReport {
        let view = RoleView::follower("static");
        HealthReport::Role(RoleReport { view, epoch, shards_led: 0, shards: 1 })
    }

    fn scheduler(scheduled: BTreeMap<OrgName, OrgStatus>) -> HealthReport {
        HealthReport::Scheduler(SchedulerReport { known: scheduled.clone(), scheduled })
    }

    /// The reports of a leader whose components are all healthy, received at `instant`.
    fn all_well(instant: Instant) -> Reports {
        let mut reports = Reports::expecting(["disk"]);
        for report in [
            HealthReport::Store(Arc::new(StoreState { loaded: true, ..StoreState::default() })),
            HealthReport::Queue(Arc::default()),
            role(Some(Epoch(7))),
            scheduler(org(OrgState::Healthy { streak: 0 })),
            HealthReport::Maintenance(Vec::new()),
            HealthReport::Actors(TreeSnapshot { actors: Vec::new() }),
            HealthReport::Probe("disk", ProbeResult { status: Status::Healthy, detail: String::new() }),
        ] {
            reports.receive(report, NOW, instant);
        }
        reports
    }

    fn with(report: HealthReport) -> HealthSnapshot {
        let instant = Instant::now();
        let mut reports = all_well(instant);
        reports.receive(report, NOW, instant);
        assess(&reports, &HealthSnapshot::starting(), NOW, instant)
    }

    #[test]
    fn a_component_that_never_reported_is_unknown_and_the_replica_degraded() {
        let reports = Reports::expecting(["disk"]);
        let health = assess(&reports, &HealthSnapshot::starting(), NOW, Instant::now());
        assert_eq!((health.mode, health.ready), (Status::Degraded, false));
        assert_eq!(health.components.len(), 7);
        for (name, component) in &health.components {
            assert_eq!((component.status, component.reported), (Status::Unknown, None), "{name}");
        }
        assert_eq!(health.dependencies, BTreeMap::new());
    }

    #[test]
    fn a_replica_with_healthy_reports_only_is_healthy() {
        let instant = Instant::now();
        let health = assess(&all_well(instant), &HealthSnapshot::starting(), NOW, instant);
        assert_eq!((health.mode, health.role, health.ready), (Status::Healthy, Role::Leader, true));
        assert!(health.components.values().all(|component| component.reported == Some(NOW)), "{health:?}");
        assert!(health.dependencies.values().all(|is_healthy| *is_healthy), "{health:?}");
    }

    #[test]
    fn a_component_whose_reporter_is_silent_becomes_unknown() {
        let instant = Instant::now();
        let mut reports = all_well(instant);
        let later = instant + SILENCE + Duration::from_secs(2);
        reports.receive(HealthReport::Actors(TreeSnapshot { actors: Vec::new() }), NOW + 12, later);
        let health = assess(&reports, &HealthSnapshot::starting(), NOW + 12, later);
        let store = &health.components["store"];
        assert_eq!((store.status, store.reported), (Status::Unknown, Some(NOW)));
        assert_eq!(store.detail, "no report for 12 s");
        assert_eq!(health.components["actors"].status, Status::Healthy);
        assert_eq!(health.components["disk"].status, Status::Healthy, "probes are run seldom");
        assert_eq!(health.mode, Status::Degraded);
    }

    #[test]
    fn a_follower_does_not_know_whether_github_is_healthy() {
        let health = with(scheduler(BTreeMap::new()));
        assert_eq!(health.components["github"].status, Status::Unknown);
        assert_eq!(health.dependencies.get(&Dependency::Github), None);
        assert_eq!(health.mode, Status::Healthy, "nothing is wrong with the follower");
    }

    #[test]
    fn an_organisation_in_cooldown_degrades_github_and_the_replica() {
        let health = with(scheduler(org(OrgState::Cooldown { until: NOW + 60 })));
        assert_eq!((health.components["github"].status, health.mode), (Status::Degraded, Status::Degraded));
        assert_eq!(health.dependencies.get(&Dependency::Github), Some(&false));
    }

    #[test]
    fn a_store_that_fails_before_it_was_loaded_is_unhealthy_and_afterwards_degraded() {
        for (loaded, expected) in [(false, Status::Unhealthy), (true, Status::Degraded)] {
            let state = StoreState { loaded, last_error: Some("no route".into()), ..StoreState::default() };
            let health = with(HealthReport::Store(Arc::new(state)));
            assert_eq!((health.mode, health.ready), (expected, loaded));
            assert_eq!(health.components["store"].detail, "no route");
        }
    }

    #[test]
    fn a_component_keeps_its_since_until_its_status_changes() {
        let instant = Instant::now();
        let first = assess(&all_well(instant), &HealthSnapshot::starting(), NOW, instant);
        let second = assess(&all_well(instant), &first, NOW + 5, instant);
        assert_eq!(second.components["store"].since, NOW);
        let mut reports = all_well(instant);
        reports.receive(HealthReport::Store(Arc::default()), NOW + 9, instant);
        assert_eq!(assess(&reports, &second, NOW + 9, instant).components["store"].since, NOW + 9);
    }
}
