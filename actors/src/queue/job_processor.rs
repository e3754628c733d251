//! Processes one delivery: from a message to its settlement.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use actix_supervisor::ActorRef;
use futures::FutureExt;
use tracing::Span;

use super::{
    CompletedJobs, DeadLetter, DeadLetterReason, Delivery, DispatchSettings, Handled, Job, JobBegun,
    JobDelayed, JobEnded, JobError, JobFailure, JobHandler, JobOutcome, JobStage, JobStores, PoisonMessage,
    QueueActor, QueueEvent, QueueMessage, ResolvedNotice, RetryDecision, RunDecision, Settlement,
    after_failure,
};
use crate::clock::Clock;
use crate::observer::Observer;
use crate::spans;
use crate::store::StoreError;

/// How long a worker pauses after the queue failed.
pub(super) const QUEUE_ERROR_PAUSE: Duration = Duration::from_secs(1);
/// After how long a job is tried again that another worker holds: it is a duplicate, or that worker
/// died.
const RUNNING_ELSEWHERE_PAUSE: Duration = Duration::from_secs(15);

/// Processes deliveries for the workers. Cheap to clone.
#[derive(Clone)]
pub struct JobProcessor {
    pub job_stores: JobStores,
    pub handler: Arc<dyn JobHandler>,
    /// Is notified when a job begins, is delayed or ends.
    pub queue_actor: ActorRef<QueueActor>,
    /// The rules for failed jobs.
    pub dispatch: DispatchSettings,
    pub clock: Arc<Clock>,
    pub observer: Arc<dyn Observer<QueueEvent>>,
}

impl JobProcessor {
    /// Processes a delivery and settles it.
    pub(super) async fn process(&self, delivery: Box<dyn Delivery>) {
        let settlement = match delivery.message() {
            QueueMessage::Job(job) => self.process_job(job).await,
            QueueMessage::Resolved(notice) => self.remove_resolved(notice).await,
            QueueMessage::Poison(poison) => self.dead_letter_poison(poison).await,
        };
        if let Err(error) = delivery.settle(settlement).await {
            tracing::warn!(%error, "a message could not be settled; it will be delivered again");
            // It may be redelivered at once; what failed may need a moment.
            tokio::time::sleep(QUEUE_ERROR_PAUSE).await;
        }
    }

    async fn process_job(&self, job: &Job) -> Settlement {
        if let Some(problem) = job.validation_error(self.clock.now()) {
            tracing::warn!(job_id = job.job_id, problem, "an invalid job was received");
            return self.dead_letter_job(job, DeadLetterReason::Malformed, &problem).await;
        }
        // The job was given up before, but the queue did not take the dead letter and redelivered
        // it.
        if let Ok(Some(dead_letter)) = self.job_stores.dead_letters.get(&job.job_id).await {
            return Settlement::Dead(Box::new(dead_letter));
        }
        match self.job_stores.completed_jobs.begin(&job.job_id).await {
            Ok(RunDecision::Done) => {
                self.count(job, JobOutcome::Repeated);
                return Settlement::Done;
            }
            Ok(RunDecision::Elsewhere) => {
                return Settlement::Again { job: job.clone(), delay: RUNNING_ELSEWHERE_PAUSE };
            }
            Ok(RunDecision::Begun) => {}
            Err(error) => log_unrecorded(&error),
        }
        self.record_begin(job).await;
        let handled = self.handle(job).await;
        if let Err(error) = &handled {
            spans::fail(&Span::current(), error);
        }
        let (outcome, settlement) = self.decide(job, handled);
        Span::current().record("result", outcome.as_str());
        self.record_settlement(job, &settlement).await;
        self.count(job, outcome);
        settlement
    }

    async fn record_begin(&self, job: &Job) {
        let now = self.clock.now();
        if let Some(dead_letter) = &job.reprocesses {
            tracing::info!(target: "audit", action = "dlq.reprocess", letter = dead_letter, job_id = job.job_id, "a dead letter is being reprocessed");
            log_failure(self.job_stores.dead_letters.remove(dead_letter).await.map(drop));
        }
        let due = self.job_stores.jobs.due(job).await.ok().flatten().unwrap_or(job.created_at);
        log_failure(self.job_stores.jobs.advance(job, JobStage::Working, now, Duration::ZERO).await);
        let begun = JobBegun { lag_seconds: now.seconds_since(due).max(0) };
        if self.queue_actor.cast(begun).is_err() {
            tracing::trace!("the queue actor is restarting; the lag is reported with the next job");
        }
    }

    /// Runs the handler. A panic counts as a failed attempt: otherwise one job could kill worker
    /// after worker until the supervision tree gives up.
    async fn handle(&self, job: &Job) -> Result<Handled, JobError> {
        let handled = AssertUnwindSafe(self.handler.handle(job)).catch_unwind();
        let renew = async {
            loop {
                tokio::time::sleep(CompletedJobs::RENEWAL).await;
                log_failure(self.job_stores.completed_jobs.renew(&job.job_id).await);
            }
        };
        let handled = tokio::select! {
            handled = handled => handled,
            () = renew => unreachable!("it renews for ever"),
        };
        let panicked =
            |_| Err(JobError { message: "the handler panicked; see the log".into(), permanent: false });
        handled.unwrap_or_else(panicked)
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
            RetryDecision::GiveUp { reason: DeadLetterReason::CannotSucceed }
        } else {
            after_failure(job, now, &self.dispatch)
        };
        match next {
            RetryDecision::Retry { mut job, delay } => {
                tracing::info!(%error, org = %job.org, repo = %job.repo, attempt = job.attempt, ?delay, "a backfill job failed and will be retried");
                job.history.push(JobFailure::new(job.attempt - 1, now, &error.message));
                (JobOutcome::Retried, Settlement::Again { job: *job, delay })
            }
            RetryDecision::GiveUp { reason } => {
                tracing::warn!(%error, why = reason.as_str(), org = %job.org, repo = %job.repo, job_id = job.job_id, "a backfill job was given up");
                let dead_letter = DeadLetter::of_job(job, reason, &error.message, now);
                (JobOutcome::GivenUp, Settlement::Dead(Box::new(dead_letter)))
            }
        }
    }

    /// Updates the shared stores before the queue releases the job: a dead letter must hold back
    /// its window before the deduplication key is free again.
    async fn record_settlement(&self, job: &Job, settlement: &Settlement) {
        let (completed_jobs, now) = (&self.job_stores.completed_jobs, self.clock.now());
        match settlement {
            Settlement::Done => {
                let by_operator = job.reprocesses.is_some();
                let max_age = self.dispatch.max_message_age;
                log_failure(completed_jobs.finish(&job.job_id, by_operator, max_age).await);
                self.record_end(job).await;
            }
            Settlement::Again { job, delay } => {
                log_failure(completed_jobs.abandon(&job.job_id).await);
                log_failure(self.job_stores.jobs.advance(job, JobStage::Delayed, now, *delay).await);
                let notice = JobDelayed { job: job.clone(), delay: *delay };
                log_unnotified(self.queue_actor.cast(notice).is_ok());
            }
            Settlement::Dead(dead_letter) => {
                self.record_dead_letter(dead_letter).await;
                log_failure(completed_jobs.abandon(&job.job_id).await);
                self.record_end(job).await;
            }
        }
    }

    async fn record_end(&self, job: &Job) {
        log_failure(self.job_stores.jobs.end(job).await);
        log_unnotified(self.queue_actor.cast(JobEnded(job.clone())).is_ok());
    }

    async fn dead_letter_job(&self, job: &Job, reason: DeadLetterReason, error: &str) -> Settlement {
        let dead_letter = DeadLetter::of_job(job, reason, error, self.clock.now());
        self.record_dead_letter(&dead_letter).await;
        self.count(job, JobOutcome::GivenUp);
        Settlement::Dead(Box::new(dead_letter))
    }

    async fn dead_letter_poison(&self, poison: &PoisonMessage) -> Settlement {
        tracing::warn!(
            id = poison.id,
            problem = poison.problem,
            size = poison.size,
            "a message is not a job"
        );
        let dead_letter = DeadLetter::of_poison(poison, self.clock.now());
        self.record_dead_letter(&dead_letter).await;
        Settlement::Dead(Box::new(dead_letter))
    }

    async fn record_dead_letter(&self, dead_letter: &DeadLetter) {
        log_failure(self.job_stores.dead_letters.add(dead_letter).await);
        self.observer.on_event(QueueEvent::JobDeadLettered);
    }

    async fn remove_resolved(&self, notice: &ResolvedNotice) -> Settlement {
        let ResolvedNotice { dead_letter: letter, reason } = notice;
        match self.job_stores.dead_letters.remove(letter).await {
            Ok(was_there) => {
                tracing::info!(target: "audit", action = "dlq.resolve", letter, reason, was_there, "a dead letter was resolved");
            }
            Err(error) => {
                tracing::warn!(%error, letter, "a resolved dead letter cannot be removed; its window is not repaired until it is resolved again");
            }
        }
        Settlement::Done
    }

    fn count(&self, job: &Job, outcome: JobOutcome) {
        let (org, repo) = (job.org.clone(), job.repo.clone());
        self.observer.on_event(QueueEvent::JobProcessed { org, repo, outcome });
    }
}

/// A missing record costs only another check of the coverage, or a deduplication key that expires.
fn log_failure(recorded: Result<(), StoreError>) {
    if let Err(error) = recorded {
        log_unrecorded(&error);
    }
}

fn log_unrecorded(error: &StoreError) {
    tracing::debug!(%error, "the records of jobs cannot be reached");
}

fn log_unnotified(notified: bool) {
    if !notified {
        tracing::debug!("the queue actor is restarting; what it remembers of the job will expire");
    }
}
