//! The actor that decides when each organisation is scraped.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use actix_supervisor::{ActorRef, CallError, Observable};
use tokio::time::Instant;
use tracing::{Instrument, Span};

use super::garbage_collector::GarbageCollector;
use super::{
    Cooldown, CooldownSettings, Cooldowns, CycleReport, CycleResult, DueAction, HistorySettings, OrgScraper,
    OrgState, OrgStatus, RunCycle, SchedulerEvent, SchedulerState, fence,
};
use crate::activity::{OrgName, Timestamp, Window};
use crate::clock::Clock;
use crate::maintenance::PauseRegistry;
use crate::observer::Observer;
use crate::queue::{Enqueue, JobReason, QueueActor, WindowRequest};
use crate::role::{Epoch, RoleWatch, SchedulingAuthority};
use crate::store::StoreActor;

/// How often to check what is due.
const TICK: Duration = Duration::from_millis(100);
/// How often garbage is collected.
const GARBAGE_PERIOD: Duration = Duration::from_secs(3600);
/// How long a cycle may take; then it counts as lost, and the next one continues where it had come
/// to.
const CYCLE_LIMIT: Duration = Duration::from_secs(6 * 3600);
/// After how long a cycle is repeated that a fault of this replica interrupted.
const RETRY_AFTER_FAULT: Duration = Duration::from_secs(1);
/// How often to check whether a paused organisation may be scraped again.
const RETRY_PAUSED: Duration = Duration::from_secs(1);

/// One organisation to scrape.
#[derive(Clone)]
pub struct OrganisationPlan {
    pub org: OrgName,
    /// The time between two cycles.
    pub interval: Duration,
    pub scraper: ActorRef<OrgScraper>,
    /// The role in the organisation's shard.
    pub role: RoleWatch,
}

/// The parts a scheduler is built from; cheap to clone, so that every incarnation has the same.
#[derive(Clone)]
pub struct SchedulerParts {
    pub organisations: Vec<OrganisationPlan>,
    pub cooldown: CooldownSettings,
    pub history: HistorySettings,
    /// Receives the windows that are not scraped.
    pub queue: ActorRef<QueueActor>,
    /// Where cooldowns are announced to the other replicas.
    pub cooldowns: Cooldowns,
    pub maintenance: PauseRegistry,
    pub store: ActorRef<StoreActor>,
    pub clock: Arc<Clock>,
    pub state: Observable<SchedulerState>,
    pub observer: Arc<dyn Observer<SchedulerEvent>>,
}

/// Runs each organisation's cycles at its interval, one at a time, while this replica has the
/// authority to schedule.
///
/// A new incarnation takes over the published states, but does not wait for a cycle that was
/// running: its scraper continues and writes what it finds, which does not disturb the next cycle,
/// because that begins where coverage ends.
pub struct SchedulerActor {
    parts: SchedulerParts,
    organisations: Vec<ScheduledOrganisation>,
}

struct ScheduledOrganisation {
    plan: OrganisationPlan,
    authority: Option<SchedulingAuthority>,
    cooldown: Cooldown,
    next_due: Instant,
    next_garbage: Instant,
    status: OrgStatus,
}

impl SchedulerActor {
    /// A scheduler that begins as soon as this replica has the authority to schedule.
    pub fn new(parts: SchedulerParts) -> Self {
        let state = parts.state.get();
        let organisation = |plan: &OrganisationPlan| {
            let published = state.organisations.get(&plan.org).cloned();
            ScheduledOrganisation::new(plan.clone(), parts.cooldown, published)
        };
        let organisations = parts.organisations.iter().map(organisation).collect();
        SchedulerActor { parts, organisations }
    }

    fn tick(&mut self, ctx: &mut Context<Self>) {
        let now = Instant::now();
        for index in 0..self.organisations.len() {
            let organisation = &mut self.organisations[index];
            organisation.update_authority(now);
            let Some(authority) = organisation.authority else { continue };
            if !organisation.status.scraping && now >= organisation.next_due {
                self.run_due(index, authority, now, ctx);
            }
            let organisation = &mut self.organisations[index];
            if let SchedulingAuthority::Leader(epoch) = authority
                && now >= organisation.next_garbage
            {
                organisation.next_garbage = now + GARBAGE_PERIOD;
                self.collect_garbage(index, epoch, ctx);
            }
        }
    }

    fn run_due(
        &mut self,
        index: usize,
        authority: SchedulingAuthority,
        now: Instant,
        ctx: &mut Context<Self>,
    ) {
        let due = self.parts.clock.now();
        let organisation = &mut self.organisations[index];
        organisation.schedule_next(now);
        let previous_due = organisation.status.last_due.replace(due);
        // Everything that follows from it is one trace.
        let _entered = tracing::info_span!(parent: None, "scrape", org = %organisation.plan.org).entered();
        match organisation.cooldown.due(due) {
            DueAction::Scrape => self.scrape(index, authority, due, previous_due, ctx),
            DueAction::Enqueue => self.enqueue_missed(index, previous_due, ctx),
        }
        self.publish(index);
    }

    fn scrape(
        &mut self,
        index: usize,
        authority: SchedulingAuthority,
        due: Timestamp,
        previous_due: Option<Timestamp>,
        ctx: &mut Context<Self>,
    ) {
        let organisation = &mut self.organisations[index];
        organisation.status.scraping = true;
        let plan = organisation.plan.clone();
        let (store, maintenance) = (self.parts.store.clone(), self.parts.maintenance.clone());
        let cycle = async move {
            if let Err(error) = fence::confirm(&store, &plan.role, authority).await {
                return Some(Ok(CycleReport::cut_short(CycleResult::Cancelled, Some(error.to_string()))));
            }
            // Checked before each cycle, so that none begins after an operator has paused scraping.
            if maintenance.active_pause(&plan.org).await.is_some() {
                return None;
            }
            Some(plan.scraper.call_within(RunCycle { authority, due }, CYCLE_LIMIT).await)
        };
        let span = Span::current();
        ctx.spawn(cycle.in_current_span().into_actor(self).map(move |report, actor, ctx| {
            let _entered = span.entered();
            let Some(report) = report else { return actor.skip_paused(index, previous_due) };
            if actor.finish(index, report) {
                actor.announce_cooldown(index, ctx);
                actor.enqueue_missed(index, previous_due, ctx);
            }
            actor.publish(index);
        }));
    }

    /// No cycle was run, so none counts as due. The first one after the pause begins where coverage
    /// ends.
    fn skip_paused(&mut self, index: usize, previous_due: Option<Timestamp>) {
        let organisation = &mut self.organisations[index];
        organisation.status.scraping = false;
        organisation.status.last_due = previous_due;
        organisation.next_due = organisation.next_due.min(Instant::now() + RETRY_PAUSED);
        self.publish(index);
    }

    /// Takes over the outcome of a cycle; returns whether it began a cooldown.
    fn finish(&mut self, index: usize, report: Result<CycleReport, CallError>) -> bool {
        let now = self.parts.clock.now();
        let organisation = &mut self.organisations[index];
        organisation.status.scraping = false;
        let report = match report {
            Ok(report) => report,
            Err(error) => {
                tracing::warn!(org = %organisation.plan.org, %error, "a cycle was interrupted; it is repeated");
                organisation.next_due = organisation.next_due.min(Instant::now() + RETRY_AFTER_FAULT);
                return false;
            }
        };
        organisation.status.last_cycle_at = Some(now);
        organisation.status.completeness = report.completeness.or(organisation.status.completeness);
        let begins_cooldown = organisation.cooldown.finished(report.result.outcome(), now);
        if begins_cooldown {
            tracing::warn!(org = %organisation.plan.org, "GitHub is unhealthy for this organisation; scraping pauses");
        }
        organisation.status.last_cycle = Some(report);
        begins_cooldown
    }

    /// Informs the workers of all replicas, so that they defer the organisation's jobs.
    fn announce_cooldown(&self, index: usize, ctx: &mut Context<Self>) {
        let organisation = &self.organisations[index];
        let OrgState::Cooldown { until } = organisation.cooldown.state() else { return };
        let (org, now) = (organisation.plan.org.clone(), self.parts.clock.now());
        let cooldowns = self.parts.cooldowns.clone();
        let announce = async move {
            if let Err(error) = cooldowns.announce(&org, until, now).await {
                tracing::debug!(%error, %org, "a cooldown cannot be announced; backfill jobs will fail and be retried");
            }
        };
        ctx.spawn(announce.in_current_span().into_actor(self));
    }

    /// Enqueues the window since the last due scrape: workers repair it when GitHub is healthy
    /// again.
    fn enqueue_missed(&mut self, index: usize, previous_due: Option<Timestamp>, ctx: &mut Context<Self>) {
        let now = self.parts.clock.now();
        let org = self.organisations[index].plan.org.clone();
        let Some(window) = previous_due.and_then(|from| Window::new(from, now)) else { return };
        let request =
            WindowRequest { org: org.clone(), repo: None, window, reason: JobReason::GithubUnhealthy };
        let queue = self.parts.queue.clone();
        let enqueue = async move { queue.call(Enqueue(vec![request])).await };
        ctx.spawn(enqueue.in_current_span().into_actor(self).map(move |answer, _, _| {
            if let Err(error) = answer {
                tracing::warn!(%error, %org, "a missed window was not enqueued; the first cycle after the cooldown covers it");
            }
        }));
    }

    fn publish(&self, index: usize) {
        let organisation = &self.organisations[index];
        let left = organisation.next_due.saturating_duration_since(Instant::now());
        let next_due = self.parts.clock.now() + i64::try_from(left.as_secs()).unwrap_or(0);
        let status = OrgStatus {
            state: organisation.cooldown.state(),
            next_due: organisation.authority.map(|_| next_due),
            ..organisation.status.clone()
        };
        self.parts.state.update(|state| {
            state.organisations.insert(organisation.plan.org.clone(), status);
        });
    }

    fn collect_garbage(&self, index: usize, epoch: Epoch, ctx: &mut Context<Self>) {
        let collector = GarbageCollector {
            store: self.parts.store.clone(),
            clock: self.parts.clock.clone(),
            history: self.parts.history,
            observer: self.parts.observer.clone(),
        };
        let OrganisationPlan { org, role, .. } = self.organisations[index].plan.clone();
        let span = tracing::info_span!(parent: None, "garbage", %org);
        let pass = async move {
            if let Err(error) = collector.collect(&org, &role, epoch).await {
                tracing::warn!(%org, error, "garbage was not collected; the next pass tries again");
            }
        };
        ctx.spawn(pass.instrument(span).into_actor(self));
    }
}

impl ScheduledOrganisation {
    /// Continues from a published status, if there is one.
    fn new(plan: OrganisationPlan, settings: CooldownSettings, published: Option<OrgStatus>) -> Self {
        let now = Instant::now();
        let cooldown = Cooldown::new(settings);
        let interval_seconds = plan.interval.as_secs_f64();
        let status = published.unwrap_or_else(|| OrgStatus::new(cooldown.state()));
        let status = OrgStatus { scraping: false, interval_seconds, ..status };
        ScheduledOrganisation {
            plan,
            authority: None,
            cooldown: cooldown.resumed(status.state),
            next_due: now,
            next_garbage: now + GARBAGE_PERIOD,
            status,
        }
    }

    /// A replica that gains authority starts a cycle at once instead of waiting for an interval.
    fn update_authority(&mut self, now: Instant) {
        let authority = self.plan.role.authority();
        if authority != self.authority {
            self.authority = authority;
            self.next_due = now;
        }
    }

    /// A cycle that takes longer than the interval delays the next one; missed ones are not made up
    /// for.
    fn schedule_next(&mut self, now: Instant) {
        self.next_due += self.plan.interval;
        if self.next_due <= now {
            self.next_due = now + self.plan.interval;
        }
    }
}

impl Actor for SchedulerActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        (0..self.organisations.len()).for_each(|index| self.publish(index));
        ctx.run_interval(TICK, |actor, ctx| actor.tick(ctx));
    }
}
