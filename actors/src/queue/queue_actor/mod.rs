//! The actor through which jobs enter the queue.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix::prelude::*;
use futures::StreamExt;
use rand::RngExt;
use serde::Serialize;
use tracing::Instrument;

use super::{
    DeadLetter, DispatchSettings, Dispatcher, EnqueueDecision, ExistingJob, Job, JobQueue, JobStores,
    QueueStats, QueueStatus, WindowRequest, unparked,
};
use crate::activity::Timestamp;
use crate::clock::Clock;
use crate::event::{Event, Observer};
use crate::store::StoreError;
use actix_supervisor::Observable;

/// How often the way to the queue is looked at.
const TICK: Duration = Duration::from_secs(1);
/// How often the records are read, in ticks: there may be many.
const STATS_TICKS: u32 = 3;
/// How many jobs are on their way at a time.
const CONCURRENCY: usize = 16;

/// What the queue actor is made of.
#[derive(Clone)]
pub struct QueueSettings {
    /// Where jobs wait.
    pub queue: Arc<dyn JobQueue>,
    /// What all replicas know of jobs.
    pub books: JobStores,
    /// The rules.
    pub dispatch: DispatchSettings,
    /// GitHub's time.
    pub clock: Arc<Clock>,
    /// Where the actor's state goes.
    pub state: Observable<QueueState>,
    /// Who counts.
    pub observer: Arc<dyn Observer>,
}

/// What the queue actor shows of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct QueueState {
    /// How full the queue is.
    pub stats: QueueStats,
    /// How the way to it is.
    pub status: QueueStatus,
    /// How long the last job that this replica received had been due, in seconds; 0 when none is waiting.
    pub lag_seconds: i64,
    /// Why the records could not be read; `None` when they could.
    pub last_error: Option<String>,
}

/// Applies the dispatch rules and publishes what they let through.
///
/// Which jobs are alive is told by the records that all replicas share. Where those cannot be reached, the actor's own
/// memory decides; a new incarnation remembers nothing and may then enqueue a job twice, which costs a look at the
/// coverage: a worker that finds its window covered is done.
pub struct QueueActor {
    settings: QueueSettings,
    dispatcher: Arc<Mutex<Dispatcher>>,
    ticks: u32,
}

impl QueueActor {
    /// An actor that remembers no job.
    pub fn new(settings: QueueSettings) -> Self {
        let dispatcher = Arc::new(Mutex::new(Dispatcher::new(settings.dispatch.clone())));
        QueueActor { settings, dispatcher, ticks: 0 }
    }

    fn dispatcher(&self) -> MutexGuard<'_, Dispatcher> {
        lock(&self.dispatcher)
    }

    fn tick(&mut self, ctx: &mut Context<Self>) {
        let status = self.settings.queue.status();
        self.settings.state.update(|state| state.status = status);
        if self.ticks.is_multiple_of(STATS_TICKS) {
            let settings = self.settings.clone();
            let stats = async move { settings.stats().await };
            ctx.spawn(stats.into_actor(self).map(|stats, actor, _| actor.show(stats)));
        }
        self.ticks = self.ticks.wrapping_add(1);
    }

    fn show(&self, stats: Result<QueueStats, StoreError>) {
        self.settings.state.update(|state| match stats {
            Ok(stats) => {
                state.lag_seconds = if stats.depth == 0 { 0 } else { state.lag_seconds };
                state.stats = stats;
                state.last_error = None;
            }
            Err(error) => state.last_error = Some(format!("the records of jobs cannot be read: {error}")),
        });
    }
}

/// Every change of the dispatcher is whole before anything can panic.
fn lock(dispatcher: &Mutex<Dispatcher>) -> MutexGuard<'_, Dispatcher> {
    dispatcher.lock().unwrap_or_else(PoisonError::into_inner)
}

fn new_job_id() -> String {
    format!("{:032x}", rand::rng().random::<u128>())
}

impl Actor for QueueActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.tick(ctx);
        ctx.run_interval(TICK, Self::tick);
    }
}

// === Enqueue ===

/// Asks for windows to be repaired.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Enqueued")]
pub struct Enqueue(pub Vec<WindowRequest>);

/// What became of the windows asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Enqueued {
    /// Now in the queue.
    pub published: usize,
    /// Kept out because a job like it is alive.
    pub duplicates: usize,
    /// Left for the next sweep.
    pub capped: usize,
    /// Left alone because of a dead letter.
    pub parked: usize,
}

/// What became of one.
enum Fate {
    Published,
    Duplicate,
    Left,
}

impl Handler<Enqueue> for QueueActor {
    type Result = ResponseActFuture<Self, Enqueued>;

    fn handle(&mut self, message: Enqueue, _: &mut Self::Context) -> Self::Result {
        let (settings, dispatcher) = (self.settings.clone(), self.dispatcher.clone());
        let span = tracing::info_span!("backfill.enqueue", windows = message.0.len());
        let enqueue = async move { settings.enqueue(&dispatcher, message.0).await };
        Box::pin(enqueue.instrument(span).into_actor(self))
    }
}

impl QueueSettings {
    async fn stats(&self) -> Result<QueueStats, StoreError> {
        let stats = self.books.jobs.stats(self.clock.now()).await?;
        Ok(QueueStats { dead: self.books.letters.all().await?.len(), ..stats })
    }

    async fn enqueue(&self, dispatcher: &Mutex<Dispatcher>, wanted: Vec<WindowRequest>) -> Enqueued {
        let mut enqueued = Enqueued::default();
        let letters = self.letters().await;
        let mut open = Vec::with_capacity(wanted.len());
        for wanted in &wanted {
            let windows = unparked(wanted, &letters);
            enqueued.parked += usize::from(windows.is_empty());
            open.extend(windows.into_iter().map(|window| WindowRequest { window, ..wanted.clone() }));
        }
        let mut fates = futures::stream::iter(&open)
            .map(|wanted| self.dispatch(dispatcher, wanted))
            .buffered(CONCURRENCY);
        while let Some(fate) = fates.next().await {
            match fate {
                Fate::Published => enqueued.published += 1,
                Fate::Duplicate => enqueued.duplicates += 1,
                Fate::Left => enqueued.capped += 1,
            }
        }
        enqueued
    }

    /// Without the book nothing is parked: a job that fails once more does less harm than a gap nobody repairs.
    async fn letters(&self) -> Vec<DeadLetter> {
        self.books.letters.all().await.unwrap_or_else(|error| {
            tracing::debug!(%error, "the dead letters cannot be read; no window counts as parked");
            Vec::new()
        })
    }

    async fn dispatch(&self, dispatcher: &Mutex<Dispatcher>, wanted: &WindowRequest) -> Fate {
        let now = self.clock.now();
        let (org, reason) = (&wanted.org, wanted.reason);
        let (event, fate) = match self.admit(dispatcher, wanted, now).await {
            EnqueueDecision::Enqueue(job) if self.publish(dispatcher, &job).await => {
                (Event::JobEnqueued { org, reason }, Fate::Published)
            }
            EnqueueDecision::Duplicate => (Event::JobDeduplicated { org, reason }, Fate::Duplicate),
            EnqueueDecision::Capped | EnqueueDecision::Enqueue(_) => {
                (Event::JobDropped { org, reason }, Fate::Left)
            }
        };
        self.observer.on_event(event);
        fate
    }

    async fn admit(
        &self,
        dispatcher: &Mutex<Dispatcher>,
        wanted: &WindowRequest,
        now: Timestamp,
    ) -> EnqueueDecision {
        if lock(dispatcher).is_capped(&wanted.org, now) {
            return EnqueueDecision::Capped;
        }
        let job = lock(dispatcher).propose(wanted, new_job_id(), now);
        let known = match self.books.jobs.claim(&job, now).await {
            Ok(true) => ExistingJob::Free,
            Ok(false) => ExistingJob::Held,
            Err(error) => {
                tracing::debug!(%error, "the records of jobs cannot be reached; what this replica remembers decides");
                ExistingJob::Nothing
            }
        };
        let admission = lock(dispatcher).admit(job.clone(), known, now);
        if admission == EnqueueDecision::Capped {
            self.release(dispatcher, &job).await;
        }
        admission
    }

    async fn publish(&self, dispatcher: &Mutex<Dispatcher>, job: &Job) -> bool {
        let published = self.queue.publish(job.clone(), Duration::ZERO).await;
        if let Err(error) = &published {
            tracing::warn!(%error, org = %job.org, repo = %job.repo, "a backfill job was not taken; the next sweep brings it back");
            self.release(dispatcher, job).await;
        }
        published.is_ok()
    }

    async fn release(&self, dispatcher: &Mutex<Dispatcher>, job: &Job) {
        lock(dispatcher).release(&job.dedup_key);
        if let Err(error) = self.books.jobs.end(job).await {
            tracing::debug!(%error, "a job's record cannot be removed; it runs out by itself");
        }
    }
}

// === JobBegun, JobEnded, JobDelayed ===

/// A worker of this replica began a job that had been due for so long.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct JobBegun {
    /// Seconds from when it was due.
    pub lag_seconds: i64,
}

impl Handler<JobBegun> for QueueActor {
    type Result = ();

    fn handle(&mut self, message: JobBegun, _: &mut Self::Context) {
        self.settings.state.update(|state| state.lag_seconds = message.lag_seconds);
    }
}

/// A job ended: others like it may come in.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct JobEnded(pub Job);

impl Handler<JobEnded> for QueueActor {
    type Result = ();

    fn handle(&mut self, message: JobEnded, _: &mut Self::Context) {
        self.dispatcher().release(&message.0.dedup_key);
    }
}

/// A job comes back after a delay; until then others like it stay out.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct JobDelayed {
    /// The job.
    pub job: Job,
    /// When it comes back.
    pub delay: Duration,
}

impl Handler<JobDelayed> for QueueActor {
    type Result = ();

    fn handle(&mut self, message: JobDelayed, _: &mut Self::Context) {
        let now = self.settings.clock.now();
        self.dispatcher().renew(&message.job.dedup_key, now, message.delay);
    }
}

#[cfg(test)]
mod tests;
