//! An actor that works off backfill jobs, one at a time.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use async_trait::async_trait;
use futures::FutureExt;

use super::queue_actor::JobDelayed;
use super::{
    DeadLetter, Delivery, DispatchSettings, Job, JobEnded, JobQueue, Next, QueueActor, Settlement,
    after_failure,
};
use crate::clock::Clock;
use crate::event::{Event, Observer};
use crate::supervision::ActorRef;

/// How long a worker rests after the queue failed it.
const QUEUE_ERROR_PAUSE: Duration = Duration::from_secs(1);

/// How the work on a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobOutcome {
    /// Its window is now covered.
    Repaired,
    /// Its window had been covered meanwhile; GitHub was not asked.
    AlreadyCovered,
    /// Its organisation cannot be asked now; it waits without losing an attempt.
    Deferred,
    /// It failed and comes back.
    Retried,
    /// It failed for the last time.
    GivenUp,
}

impl JobOutcome {
    /// The value of the `result` label.
    pub fn as_str(self) -> &'static str {
        match self {
            JobOutcome::Repaired => "success",
            JobOutcome::AlreadyCovered => "covered",
            JobOutcome::Deferred => "deferred",
            JobOutcome::Retried => "retried",
            JobOutcome::GivenUp => "failure",
        }
    }
}

/// What a handler did with a job that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handled {
    /// The window is covered now.
    Repaired,
    /// The window was covered before.
    AlreadyCovered,
    /// Come back after this long; no attempt is lost.
    Deferred(Duration),
}

/// Why a job failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct JobError {
    /// What happened.
    pub message: String,
    /// Whether trying again cannot help.
    pub permanent: bool,
}

/// Does the work of a job.
#[async_trait]
pub trait JobHandler: Send + Sync + 'static {
    /// Collects the window. May be called again for the same job, also while it runs elsewhere.
    async fn handle(&self, job: &Job) -> Result<Handled, JobError>;
}

/// What a worker is made of.
#[derive(Clone)]
pub struct WorkerSettings {
    /// Where jobs come from.
    pub queue: Arc<dyn JobQueue>,
    /// Who does the work.
    pub handler: Arc<dyn JobHandler>,
    /// Who is told when a job moves on.
    pub queue_actor: ActorRef<QueueActor>,
    /// The rules for failed jobs.
    pub dispatch: DispatchSettings,
    /// GitHub's time.
    pub clock: Arc<Clock>,
    /// Who counts.
    pub observer: Arc<dyn Observer>,
}

/// Receives, works, settles. It keeps nothing: when it dies its delivery is dropped unsettled and delivered again.
pub struct BackfillWorker {
    settings: WorkerSettings,
}

impl BackfillWorker {
    /// A worker that begins to receive when it starts.
    pub fn new(settings: WorkerSettings) -> Self {
        BackfillWorker { settings }
    }

    fn next(&mut self, ctx: &mut Context<Self>) {
        let settings = self.settings.clone();
        let work = async move {
            match settings.queue.receive().await {
                Ok(delivery) => settings.work(delivery).await,
                Err(error) => {
                    tracing::warn!(%error, "no backfill job can be received; trying again");
                    tokio::time::sleep(QUEUE_ERROR_PAUSE).await;
                }
            }
        };
        ctx.spawn(work.into_actor(self).map(|(), actor, ctx| actor.next(ctx)));
    }
}

impl WorkerSettings {
    async fn work(&self, delivery: Box<dyn Delivery>) {
        let job = delivery.job().clone();
        // A job that makes the handler panic must not take worker after worker with it until the tree gives up.
        let handled = AssertUnwindSafe(self.handler.handle(&job)).catch_unwind().await;
        let handled = handled.unwrap_or_else(|_| {
            Err(JobError { message: "the handler panicked; see the log".into(), permanent: false })
        });
        let (outcome, settlement) = self.decide(&job, handled);
        self.tell_queue_actor(&job, &settlement);
        self.observer.on_event(Event::JobProcessed { org: &job.org, repo: &job.repo, outcome });
        if let Err(error) = delivery.settle(settlement).await {
            tracing::warn!(%error, job_id = job.job_id, "a job could not be settled; it will be delivered again");
        }
    }

    fn decide(&self, job: &Job, handled: Result<Handled, JobError>) -> (JobOutcome, Settlement) {
        let error = match handled {
            Ok(Handled::Repaired) => return (JobOutcome::Repaired, Settlement::Done),
            Ok(Handled::AlreadyCovered) => return (JobOutcome::AlreadyCovered, Settlement::Done),
            Ok(Handled::Deferred(delay)) => {
                return (JobOutcome::Deferred, Settlement::Again { job: job.clone(), delay });
            }
            Err(error) => error,
        };
        let now = self.clock.now();
        let next = if error.permanent {
            Next::GiveUp { why: "cannot succeed" }
        } else {
            after_failure(job, now, &self.dispatch)
        };
        match next {
            Next::Retry { job, delay } => {
                tracing::info!(%error, org = %job.org, repo = %job.repo, attempt = job.attempt, ?delay, "a backfill job failed and comes back");
                (JobOutcome::Retried, Settlement::Again { job, delay })
            }
            Next::GiveUp { why } => {
                tracing::warn!(%error, why, org = %job.org, repo = %job.repo, job_id = job.job_id, "a backfill job was given up");
                let letter = DeadLetter { job: job.clone(), error: format!("{why}: {error}"), died_at: now };
                (JobOutcome::GivenUp, Settlement::Dead(letter))
            }
        }
    }

    /// A lost message here only means that the key's lease runs out by itself.
    fn tell_queue_actor(&self, job: &Job, settlement: &Settlement) {
        let told = match settlement {
            Settlement::Done => self.queue_actor.cast(JobEnded(job.clone())).is_ok(),
            Settlement::Again { job, delay } => {
                self.queue_actor.cast(JobDelayed { job: job.clone(), delay: *delay }).is_ok()
            }
            // The key of a dead letter is kept: the window is parked until somebody has looked at it.
            Settlement::Dead(_) => true,
        };
        if !told {
            tracing::debug!(job_id = job.job_id, "the queue actor is not there; the job's key will run out");
        }
    }
}

impl Actor for BackfillWorker {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.next(ctx);
    }
}
