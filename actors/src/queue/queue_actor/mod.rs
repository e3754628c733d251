//! The actor that enqueues backfill jobs and observes the queue.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix::prelude::*;
use actix_supervisor::Observable;
use serde::Serialize;
use tracing::Instrument;

use super::enqueuer::lock;
use super::{Dispatcher, Enqueued, Enqueuer, Job, QueueStats, QueueStatus, WindowRequest};
use crate::store::StoreError;

/// How often the status of the queue is read.
const TICK: Duration = Duration::from_secs(1);
/// Depth and age are read every so many ticks: that takes a call to the shared state.
const STATS_TICKS: u32 = 3;

/// The observable state of the queue actor.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct QueueState {
    pub stats: QueueStats,
    pub status: QueueStatus,
    /// Seconds for which the job that this replica received last had been due; 0 when none is
    /// waiting.
    pub lag_seconds: i64,
    /// Why the records of jobs could not be read; `None` when they could.
    pub last_error: Option<String>,
}

/// Enqueues jobs, and keeps duplicates out.
///
/// The records that all replicas share decide which jobs are duplicates; while these are
/// unreachable, what this incarnation remembers of its own jobs does.
pub struct QueueActor {
    enqueuer: Enqueuer,
    dispatcher: Arc<Mutex<Dispatcher>>,
    state: Observable<QueueState>,
    ticks: u32,
}

impl QueueActor {
    /// An actor that remembers no job yet.
    pub fn new(enqueuer: Enqueuer, state: Observable<QueueState>) -> Self {
        let dispatcher = Arc::new(Mutex::new(Dispatcher::new(enqueuer.dispatch.clone())));
        QueueActor { enqueuer, dispatcher, state, ticks: 0 }
    }

    fn tick(&mut self, ctx: &mut Context<Self>) {
        let status = self.enqueuer.queue.status();
        self.state.update(|state| state.status = status);
        if self.ticks.is_multiple_of(STATS_TICKS) {
            let enqueuer = self.enqueuer.clone();
            let stats = async move { enqueuer.stats().await };
            ctx.spawn(stats.into_actor(self).map(|stats, actor, _| actor.publish_stats(stats)));
        }
        self.ticks = self.ticks.wrapping_add(1);
    }

    fn publish_stats(&self, stats: Result<QueueStats, StoreError>) {
        self.state.update(|state| match stats {
            Ok(stats) => {
                state.lag_seconds = if stats.depth == 0 { 0 } else { state.lag_seconds };
                state.stats = stats;
                state.last_error = None;
            }
            Err(error) => state.last_error = Some(format!("the records of jobs cannot be read: {error}")),
        });
    }
}

impl Actor for QueueActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.tick(ctx);
        ctx.run_interval(TICK, Self::tick);
    }
}

// === Enqueue ===

/// Enqueues jobs for these windows; answered when each is published or skipped.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Enqueued")]
pub struct Enqueue(pub Vec<WindowRequest>);

impl Handler<Enqueue> for QueueActor {
    type Result = ResponseActFuture<Self, Enqueued>;

    fn handle(&mut self, message: Enqueue, _: &mut Self::Context) -> Self::Result {
        let (enqueuer, dispatcher) = (self.enqueuer.clone(), self.dispatcher.clone());
        let span = tracing::info_span!("backfill.enqueue", windows = message.0.len());
        let enqueue = async move { enqueuer.enqueue(&dispatcher, message.0).await };
        Box::pin(enqueue.instrument(span).into_actor(self))
    }
}

// === From the workers ===

/// A worker began to process a job.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct JobBegun {
    /// Seconds since the job was due.
    pub lag_seconds: i64,
}

impl Handler<JobBegun> for QueueActor {
    type Result = ();

    fn handle(&mut self, message: JobBegun, _: &mut Self::Context) {
        self.state.update(|state| state.lag_seconds = message.lag_seconds);
    }
}

/// A job was completed or given up: its deduplication key is free.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct JobEnded(pub Job);

impl Handler<JobEnded> for QueueActor {
    type Result = ();

    fn handle(&mut self, message: JobEnded, _: &mut Self::Context) {
        lock(&self.dispatcher).release(&message.0.dedup_key);
    }
}

/// A job comes back after `delay`: its deduplication key is held until then.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct JobDelayed {
    pub job: Job,
    pub delay: Duration,
}

impl Handler<JobDelayed> for QueueActor {
    type Result = ();

    fn handle(&mut self, message: JobDelayed, _: &mut Self::Context) {
        let now = self.enqueuer.clock.now();
        lock(&self.dispatcher).renew(&message.job.dedup_key, now, message.delay);
    }
}

#[cfg(test)]
mod tests;
