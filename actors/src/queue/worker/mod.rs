//! An actor that works off backfill jobs, one at a time.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use async_trait::async_trait;
use tracing::Instrument;

use super::{DispatchSettings, Job, JobQueue, JobStores, QueueActor};
use crate::clock::Clock;
use crate::event::Observer;
use actix_supervisor::ActorRef;

/// How long a worker rests after the queue failed it.
pub(super) const QUEUE_ERROR_PAUSE: Duration = Duration::from_secs(1);

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
    /// It had been done before, under the same id.
    Repeated,
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
            JobOutcome::Repeated => "repeated",
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
    /// What all replicas know of jobs.
    pub books: JobStores,
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
                Ok(delivery) => {
                    let span = delivery.span();
                    settings.work(delivery).instrument(span).await;
                }
                Err(error) => {
                    tracing::warn!(%error, "no backfill job can be received; trying again");
                    tokio::time::sleep(QUEUE_ERROR_PAUSE).await;
                }
            }
        };
        ctx.spawn(work.into_actor(self).map(|(), actor, ctx| actor.next(ctx)));
    }
}

impl Actor for BackfillWorker {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.next(ctx);
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests;
