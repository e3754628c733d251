//! The actor through which jobs enter the queue.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use rand::RngExt;
use serde::Serialize;

use super::{Admission, DispatchSettings, Dispatcher, Job, JobQueue, QueueError, QueueStats, Wanted};
use crate::clock::Clock;
use crate::event::{Event, Observer};
use crate::observable::Observable;

/// How often the state is refreshed.
const TICK: Duration = Duration::from_secs(1);

/// What the queue actor is made of.
#[derive(Clone)]
pub struct QueueSettings {
    /// Where jobs wait.
    pub queue: Arc<dyn JobQueue>,
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
    /// Why the last call to the queue failed; `None` when it succeeded.
    pub last_error: Option<String>,
}

/// Applies the dispatch rules and publishes what they let through.
///
/// A new incarnation knows of no live job. It may therefore enqueue one twice, which costs a look at the coverage: a
/// worker that finds its window covered is done.
pub struct QueueActor {
    settings: QueueSettings,
    dispatcher: Dispatcher,
}

impl QueueActor {
    /// An actor that knows of no live job.
    pub fn new(settings: QueueSettings) -> Self {
        let dispatcher = Dispatcher::new(settings.dispatch.clone());
        QueueActor { settings, dispatcher }
    }

    /// Decides on each wanted window; what is to be published.
    fn admit(&mut self, wanted: &[Wanted]) -> (Vec<Job>, Enqueued) {
        let now = self.settings.clock.now();
        let mut jobs = Vec::new();
        let mut enqueued = Enqueued::default();
        for wanted in wanted {
            let (org, reason) = (&wanted.org, wanted.reason);
            let event = match self.dispatcher.admit(wanted, new_job_id(), now) {
                Admission::Enqueue(job) => {
                    jobs.push(job);
                    continue;
                }
                Admission::Duplicate => {
                    enqueued.duplicates += 1;
                    Event::JobDeduplicated { org, reason }
                }
                Admission::Capped => {
                    enqueued.capped += 1;
                    Event::JobDropped { org, reason }
                }
            };
            self.settings.observer.on_event(event);
        }
        (jobs, enqueued)
    }

    fn published(&mut self, job: &Job, result: Result<(), QueueError>, enqueued: &mut Enqueued) {
        let (org, reason) = (&job.org, job.reason);
        match result {
            Ok(()) => {
                enqueued.published += 1;
                self.settings.observer.on_event(Event::JobEnqueued { org, reason });
            }
            Err(error) => {
                tracing::warn!(%error, %org, repo = %job.repo, "a backfill job was not taken; the next sweep brings it back");
                enqueued.capped += 1;
                self.dispatcher.release(&job.dedup_key);
                self.settings.observer.on_event(Event::JobDropped { org, reason });
            }
        }
    }

    fn refresh(&mut self, ctx: &mut Context<Self>) {
        let queue = self.settings.queue.clone();
        let stats = async move { queue.stats().await };
        ctx.spawn(stats.into_actor(self).map(|stats, actor, ctx| {
            let state = match stats {
                Ok(stats) => QueueState { stats, last_error: None },
                Err(error) => QueueState {
                    stats: actor.settings.state.get().stats.clone(),
                    last_error: Some(error.to_string()),
                },
            };
            actor.settings.state.set(state);
            ctx.run_later(TICK, |actor, ctx| actor.refresh(ctx));
        }));
    }
}

fn new_job_id() -> String {
    format!("{:032x}", rand::rng().random::<u128>())
}

impl Actor for QueueActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.refresh(ctx);
    }
}

// === Enqueue ===

/// Asks for windows to be repaired.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Enqueued")]
pub struct Enqueue(pub Vec<Wanted>);

/// What became of the windows asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Enqueued {
    /// Now in the queue.
    pub published: usize,
    /// Kept out because a job like it is alive.
    pub duplicates: usize,
    /// Left for the next sweep.
    pub capped: usize,
}

impl Handler<Enqueue> for QueueActor {
    type Result = ResponseActFuture<Self, Enqueued>;

    fn handle(&mut self, message: Enqueue, _: &mut Self::Context) -> Self::Result {
        let (jobs, mut enqueued) = self.admit(&message.0);
        let queue = self.settings.queue.clone();
        let publish = async move {
            let mut results = Vec::with_capacity(jobs.len());
            for job in jobs {
                let result = queue.publish(job.clone()).await;
                results.push((job, result));
            }
            results
        };
        Box::pin(publish.into_actor(self).map(move |results, actor, _| {
            for (job, result) in results {
                actor.published(&job, result, &mut enqueued);
            }
            enqueued
        }))
    }
}

// === JobEnded, JobDelayed ===

/// A job ended: others like it may come in.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct JobEnded(pub Job);

impl Handler<JobEnded> for QueueActor {
    type Result = ();

    fn handle(&mut self, message: JobEnded, _: &mut Self::Context) {
        self.dispatcher.release(&message.0.dedup_key);
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
        self.dispatcher.renew(&message.job.dedup_key, now, message.delay);
    }
}
