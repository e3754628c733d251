//! The actor that decides when which organisation is scraped. Only a leader's does anything.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use serde::Serialize;
use tokio::time::Instant;
use tracing::{Instrument, Span};

use super::{
    Completeness, Cooldown, CooldownSettings, Cooldowns, CycleReport, CycleResult, DueAction,
    HistorySettings, OrgScraper, OrgState, RunCycle, due_from,
};
use crate::activity::{OrgName, RepoState, Timestamp, Window};
use crate::clock::Clock;
use crate::event::{Event, Observer};
use crate::maintenance::PauseRegistry;
use crate::queue::{Enqueue, JobReason, QueueActor, WindowRequest};
use crate::role::{Epoch, RoleWatch, SchedulingAuthority};
use crate::store::{CollectGarbage, ConfirmEpoch, RepositoriesOf, StoreActor, StoreError};
use actix_supervisor::Observable;
use actix_supervisor::{ActorRef, CallError};

/// How often it looks whether something is due.
const TICK: Duration = Duration::from_millis(100);
/// How often garbage is collected, and by how much floors rise at least.
const GARBAGE_PERIOD: Duration = Duration::from_secs(3600);
/// How long a cycle may take; then it is given up as lost and the next one begins where it had come to.
const CYCLE_LIMIT: Duration = Duration::from_secs(6 * 3600);
/// How soon a cycle is tried again that a fault of our own cut short.
const RETRY_AFTER_FAULT: Duration = Duration::from_secs(1);
/// How soon it looks again whether a paused organisation may be scraped.
const RETRY_PAUSED: Duration = Duration::from_secs(1);

/// One organisation to scrape.
#[derive(Clone)]
pub struct OrganisationPlan {
    /// Whose.
    pub org: OrgName,
    /// How often.
    pub interval: Duration,
    /// By whom.
    pub scraper: ActorRef<OrgScraper>,
    /// Whether this replica leads in the organisation's shard.
    pub role: RoleWatch,
}

/// What the scheduler is made of.
#[derive(Clone)]
pub struct SchedulerSettings {
    /// What to scrape.
    pub organisations: Vec<OrganisationPlan>,
    /// When an organisation is left alone.
    pub cooldown: CooldownSettings,
    /// How far back collecting goes.
    pub history: HistorySettings,
    /// Where missed windows go.
    pub queue: ActorRef<QueueActor>,
    /// Where replicas learn who is left alone.
    pub cooldowns: Cooldowns,
    /// What operators have paused.
    pub maintenance: PauseRegistry,
    /// Where garbage is.
    pub store: ActorRef<StoreActor>,
    /// GitHub's time.
    pub clock: Arc<Clock>,
    /// Where the actor's state goes.
    pub state: Observable<SchedulerState>,
    /// Who counts.
    pub observer: Arc<dyn Observer>,
}

/// What the scheduler shows of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SchedulerState {
    /// Every organisation.
    pub organisations: BTreeMap<OrgName, OrgStatus>,
}

/// What the scheduler shows of an organisation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OrgStatus {
    /// How it is.
    #[serde(flatten)]
    pub state: OrgState,
    /// Whether a cycle is running.
    pub scraping: bool,
    /// Seconds from one due scrape to the next.
    pub interval_seconds: f64,
    /// When the last scrape was due, on GitHub's clock.
    pub last_due: Option<Timestamp>,
    /// When the next one is due, on GitHub's clock; of a leader only.
    pub next_due: Option<Timestamp>,
    /// When the last cycle ended, on GitHub's clock.
    pub last_cycle_at: Option<Timestamp>,
    /// How it ended.
    pub last_cycle: Option<CycleReport>,
    /// How complete the numbers were when that could last be told.
    pub completeness: Option<Completeness>,
}

/// Runs each organisation's cycles at its interval, one at a time.
///
/// A new incarnation takes over the published states, except that a cycle that was running is not waited for: its
/// scraper goes on, writes what it finds, and refuses nothing to the next cycle, which begins where coverage ends.
pub struct SchedulerActor {
    settings: SchedulerSettings,
    organisations: Vec<Organisation>,
}

struct Organisation {
    plan: OrganisationPlan,
    mandate: Option<SchedulingAuthority>,
    cooldown: Cooldown,
    next_due: Instant,
    next_garbage: Instant,
    status: OrgStatus,
}

impl SchedulerActor {
    /// A scheduler that starts work when this replica leads.
    pub fn new(settings: SchedulerSettings) -> Self {
        let now = Instant::now();
        let organisations = settings
            .organisations
            .iter()
            .map(|plan| {
                let cooldown = Cooldown::new(settings.cooldown);
                let status = OrgStatus {
                    state: cooldown.state(),
                    scraping: false,
                    interval_seconds: 0.0,
                    last_due: None,
                    next_due: None,
                    last_cycle_at: None,
                    last_cycle: None,
                    completeness: None,
                };
                let known = settings.state.get().organisations.get(&plan.org).cloned();
                let interval_seconds = plan.interval.as_secs_f64();
                let status = OrgStatus { scraping: false, interval_seconds, ..known.unwrap_or(status) };
                Organisation {
                    plan: plan.clone(),
                    mandate: None,
                    cooldown: cooldown.resumed(status.state),
                    next_due: now,
                    next_garbage: now + GARBAGE_PERIOD,
                    status,
                }
            })
            .collect();
        SchedulerActor { settings, organisations }
    }

    fn tick(&mut self, ctx: &mut Context<Self>) {
        let now = Instant::now();
        for index in 0..self.organisations.len() {
            let organisation = &mut self.organisations[index];
            organisation.note_mandate(now);
            let Some(mandate) = organisation.mandate else { continue };
            if !organisation.status.scraping && now >= organisation.next_due {
                self.run(index, mandate, now, ctx);
            }
            let organisation = &mut self.organisations[index];
            if let SchedulingAuthority::Leader(epoch) = mandate
                && now >= organisation.next_garbage
            {
                organisation.next_garbage = now + GARBAGE_PERIOD;
                self.collect_garbage(index, epoch, ctx);
            }
        }
    }

    fn run(&mut self, index: usize, mandate: SchedulingAuthority, now: Instant, ctx: &mut Context<Self>) {
        let due = self.settings.clock.now();
        let organisation = &mut self.organisations[index];
        organisation.schedule_next(now);
        let previous_due = organisation.status.last_due.replace(due);
        // Whatever comes of it is one trace.
        let _entered = tracing::info_span!(parent: None, "scrape", org = %organisation.plan.org).entered();
        match organisation.cooldown.due(due) {
            DueAction::Scrape => self.scrape(index, mandate, due, previous_due, ctx),
            DueAction::Enqueue => self.enqueue_missed(index, previous_due, ctx),
        }
        self.show(index);
    }

    fn scrape(
        &mut self,
        index: usize,
        mandate: SchedulingAuthority,
        due: Timestamp,
        previous_due: Option<Timestamp>,
        ctx: &mut Context<Self>,
    ) {
        let organisation = &mut self.organisations[index];
        organisation.status.scraping = true;
        let plan = organisation.plan.clone();
        let settings = self.settings.clone();
        let cycle = async move {
            if let Err(error) = settings.confirm(&plan, mandate).await {
                return Some(Ok(CycleReport::cut_short(CycleResult::Cancelled, Some(error.to_string()))));
            }
            // Asked each time, so that not one cycle begins once an operator was told that scraping is paused.
            if settings.maintenance.look(&plan.org).await.is_some() {
                return None;
            }
            Some(plan.scraper.call_within(RunCycle { mandate, due }, CYCLE_LIMIT).await)
        };
        let span = Span::current();
        ctx.spawn(cycle.in_current_span().into_actor(self).map(move |report, actor, ctx| {
            let _entered = span.entered();
            let Some(report) = report else { return actor.paused(index, previous_due) };
            if actor.finished(index, report) {
                actor.announce_cooldown(index, ctx);
                actor.enqueue_missed(index, previous_due, ctx);
            }
            actor.show(index);
        }));
    }

    /// No cycle was run, so nothing was due. The first one afterwards goes on where coverage ends.
    fn paused(&mut self, index: usize, previous_due: Option<Timestamp>) {
        let organisation = &mut self.organisations[index];
        organisation.status.scraping = false;
        organisation.status.last_due = previous_due;
        organisation.next_due = organisation.next_due.min(Instant::now() + RETRY_PAUSED);
        self.show(index);
    }

    /// Takes over a cycle's outcome; whether it began a cooldown.
    fn finished(&mut self, index: usize, report: Result<CycleReport, CallError>) -> bool {
        let now = self.settings.clock.now();
        let organisation = &mut self.organisations[index];
        organisation.status.scraping = false;
        let report = match report {
            Ok(report) => report,
            Err(error) => {
                tracing::warn!(org = %organisation.plan.org, %error, "a cycle was cut short; it is run again");
                organisation.next_due = organisation.next_due.min(Instant::now() + RETRY_AFTER_FAULT);
                return false;
            }
        };
        organisation.status.last_cycle_at = Some(now);
        organisation.status.completeness = report.completeness.or(organisation.status.completeness);
        let cooling = organisation.cooldown.finished(report.result.outcome(), now);
        if cooling {
            tracing::warn!(org = %organisation.plan.org, "GitHub is unhealthy for this organisation; scraping pauses");
        }
        organisation.status.last_cycle = Some(report);
        cooling
    }

    /// Lets the workers of all replicas know, so that they leave the organisation alone as well.
    fn announce_cooldown(&self, index: usize, ctx: &mut Context<Self>) {
        let organisation = &self.organisations[index];
        let OrgState::Cooldown { until } = organisation.cooldown.state() else { return };
        let (org, now) = (organisation.plan.org.clone(), self.settings.clock.now());
        let cooldowns = self.settings.cooldowns.clone();
        let announce = async move {
            if let Err(error) = cooldowns.announce(&org, until, now).await {
                tracing::debug!(%error, %org, "a cooldown cannot be announced; backfill jobs find out by themselves");
            }
        };
        ctx.spawn(announce.in_current_span().into_actor(self));
    }

    /// Puts the window since the last due scrape into the queue: workers repair it when GitHub is back.
    fn enqueue_missed(&mut self, index: usize, previous_due: Option<Timestamp>, ctx: &mut Context<Self>) {
        let now = self.settings.clock.now();
        let org = self.organisations[index].plan.org.clone();
        let Some(window) = previous_due.and_then(|from| Window::new(from, now)) else { return };
        let wanted =
            WindowRequest { org: org.clone(), repo: None, window, reason: JobReason::GithubUnhealthy };
        let queue = self.settings.queue.clone();
        let enqueue = async move { queue.call(Enqueue(vec![wanted])).await };
        ctx.spawn(enqueue.in_current_span().into_actor(self).map(move |answer, _, _| {
            if let Err(error) = answer {
                tracing::warn!(%error, %org, "a missed window was not enqueued; the first cycle after the cooldown covers it");
            }
        }));
    }

    fn show(&self, index: usize) {
        let organisation = &self.organisations[index];
        let left = organisation.next_due.saturating_duration_since(Instant::now());
        let next_due = self.settings.clock.now() + i64::try_from(left.as_secs()).unwrap_or(0);
        let status = OrgStatus {
            state: organisation.cooldown.state(),
            next_due: organisation.mandate.map(|_| next_due),
            ..organisation.status.clone()
        };
        self.settings.state.update(|state| {
            state.organisations.insert(organisation.plan.org.clone(), status);
        });
    }

    fn collect_garbage(&self, index: usize, epoch: Epoch, ctx: &mut Context<Self>) {
        let settings = self.settings.clone();
        let plan = self.organisations[index].plan.clone();
        let span = tracing::info_span!(parent: None, "garbage", org = %plan.org);
        let pass = async move {
            if let Err(error) = settings.collect_garbage_of(&plan, epoch).await {
                tracing::warn!(org = %plan.org, error, "garbage was not collected; the next pass tries again");
            }
        };
        ctx.spawn(pass.instrument(span).into_actor(self));
    }
}

impl Organisation {
    /// A new leader starts at once from what is covered instead of waiting for an interval.
    fn note_mandate(&mut self, now: Instant) {
        let mandate = self.plan.role.mandate();
        if mandate != self.mandate {
            self.mandate = mandate;
            self.next_due = now;
        }
    }

    /// A cycle that outlasts its interval delays the next one; missed ticks are not caught up on.
    fn schedule_next(&mut self, now: Instant) {
        self.next_due += self.plan.interval;
        if self.next_due <= now {
            self.next_due = now + self.plan.interval;
        }
    }
}

impl SchedulerSettings {
    /// Refused when a later leadership has begun. A store that cannot be asked is no obstacle: facts need no fence.
    async fn confirm(&self, plan: &OrganisationPlan, mandate: SchedulingAuthority) -> Result<(), StoreError> {
        let SchedulingAuthority::Leader(epoch) = mandate else { return Ok(()) };
        match self.store.call(ConfirmEpoch(epoch)).await {
            Ok(Err(error @ StoreError::StaleEpoch { .. })) => {
                plan.role.refuse(epoch, &error.to_string());
                Err(error)
            }
            _ => Ok(()),
        }
    }

    /// Raises the floors of an organisation's repositories to the end of retention.
    async fn collect_garbage_of(&self, plan: &OrganisationPlan, epoch: Epoch) -> Result<(), String> {
        let describe = |error: &dyn std::fmt::Display| error.to_string();
        self.confirm(plan, SchedulingAuthority::Leader(epoch)).await.map_err(|error| describe(&error))?;
        let states =
            self.store.call(RepositoriesOf(plan.org.clone())).await.map_err(|error| describe(&error))?;
        let floor = self.clock.now() - self.history.retention;
        for state in states.map_err(|error| describe(&error))? {
            if floor.seconds_since(state.floor) < GARBAGE_PERIOD.as_secs() as i64 {
                continue;
            }
            self.count_given_up(&state, floor);
            let message = CollectGarbage { key: state.key.clone(), floor, epoch };
            let removed = self.store.call(message).await.map_err(|error| describe(&error))?;
            let removed = removed.map_err(|error| {
                if matches!(error, StoreError::StaleEpoch { .. }) {
                    plan.role.refuse(epoch, &error.to_string());
                }
                describe(&error)
            })?;
            tracing::debug!(repo = %state.meta.name, removed, "garbage was collected");
        }
        Ok(())
    }

    fn count_given_up(&self, state: &RepoState, floor: Timestamp) {
        let from = state.floor.max(due_from(state.meta.first_seen, state.meta.first_seen, self.history));
        let lost = Window::new(from, floor).map_or_else(Vec::new, |window| state.coverage.gaps(window));
        for gap in lost {
            tracing::warn!(org = %state.key.org, repo = %state.meta.name, window = %gap, "a gap was given up: it lies beyond retention");
            self.observer.on_event(Event::WindowGivenUp { org: &state.key.org });
        }
    }
}

impl Actor for SchedulerActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        (0..self.organisations.len()).for_each(|index| self.show(index));
        ctx.run_interval(TICK, |actor, ctx| actor.tick(ctx));
    }
}
