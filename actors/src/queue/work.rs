//! The life of one delivery: from a message to its settlement.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use tracing::Span;

use super::worker::QUEUE_ERROR_PAUSE;
use super::{
    CompletedJobs, DeadLetter, DeadLetterReason, Delivery, Handled, Job, JobBegun, JobDelayed, JobEnded,
    JobError, JobFailure, JobOutcome, JobStage, PoisonMessage, QueueMessage, ResolvedNotice, RetryDecision,
    RunDecision, Settlement, WorkerSettings, after_failure,
};
use crate::event::Event;
use crate::spans;
use crate::store::StoreError;

/// When a job comes back that somebody else is at: a duplicate, or what a dead worker left.
const ELSEWHERE_PAUSE: Duration = Duration::from_secs(15);

impl WorkerSettings {
    pub(super) async fn work(&self, delivery: Box<dyn Delivery>) {
        let settlement = match delivery.message() {
            QueueMessage::Job(job) => self.job(job).await,
            QueueMessage::Resolved(resolved) => self.resolved(resolved).await,
            QueueMessage::Poison(poison) => self.poison(poison).await,
        };
        if let Err(error) = delivery.settle(settlement).await {
            tracing::warn!(%error, "a message could not be settled; it will be delivered again");
            // At once, perhaps: what failed needs a moment.
            tokio::time::sleep(QUEUE_ERROR_PAUSE).await;
        }
    }

    async fn job(&self, job: &Job) -> Settlement {
        if let Some(problem) = job.absurdity(self.clock.now()) {
            tracing::warn!(job_id = job.job_id, problem, "a message asks for what makes no sense");
            return self.bury(job, DeadLetterReason::Malformed, &problem).await;
        }
        // Buried before, but the message came back: the queue had not taken its letter.
        if let Ok(Some(letter)) = self.books.letters.get(&job.job_id).await {
            return Settlement::Dead(Box::new(letter));
        }
        match self.books.ledger.begin(&job.job_id).await {
            Ok(RunDecision::Done) => {
                self.count(job, JobOutcome::Repeated);
                return Settlement::Done;
            }
            Ok(RunDecision::Elsewhere) => {
                return Settlement::Again { job: job.clone(), delay: ELSEWHERE_PAUSE };
            }
            Ok(RunDecision::Begun) => {}
            Err(error) => self.unrecorded(&error),
        }
        self.begin(job).await;
        let handled = self.handle(job).await;
        if let Err(error) = &handled {
            spans::fail(&Span::current(), error);
        }
        let (outcome, settlement) = self.decide(job, handled);
        Span::current().record("result", outcome.as_str());
        self.record(job, &settlement).await;
        self.count(job, outcome);
        settlement
    }

    /// Tells everybody that the job is being worked on.
    async fn begin(&self, job: &Job) {
        let now = self.clock.now();
        if let Some(letter) = &job.reprocesses {
            tracing::info!(target: "audit", action = "dlq.reprocess", letter, job_id = job.job_id, "a dead letter is being reprocessed");
            self.noted(self.books.letters.remove(letter).await.map(drop));
        }
        let due = self.books.jobs.due(job).await.ok().flatten().unwrap_or(job.created_at);
        self.noted(self.books.jobs.advance(job, JobStage::Working, now, Duration::ZERO).await);
        let begun = JobBegun { lag_seconds: now.seconds_since(due).max(0) };
        if self.queue_actor.cast(begun).is_err() {
            tracing::trace!("the queue actor is not there; the lag is told with the next job");
        }
    }

    /// A job that makes the handler panic must not take worker after worker with it until the tree gives up.
    async fn handle(&self, job: &Job) -> Result<Handled, JobError> {
        let handled = AssertUnwindSafe(self.handler.handle(job)).catch_unwind();
        let renew = async {
            loop {
                tokio::time::sleep(CompletedJobs::RENEWAL).await;
                self.noted(self.books.ledger.renew(&job.job_id).await);
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
            RetryDecision::GiveUp { why: DeadLetterReason::CannotSucceed }
        } else {
            after_failure(job, now, &self.dispatch)
        };
        match next {
            RetryDecision::Retry { mut job, delay } => {
                tracing::info!(%error, org = %job.org, repo = %job.repo, attempt = job.attempt, ?delay, "a backfill job failed and comes back");
                job.history.push(JobFailure::new(job.attempt - 1, now, &error.message));
                (JobOutcome::Retried, Settlement::Again { job: *job, delay })
            }
            RetryDecision::GiveUp { why } => {
                tracing::warn!(%error, why = why.as_str(), org = %job.org, repo = %job.repo, job_id = job.job_id, "a backfill job was given up");
                let letter = DeadLetter::of_job(job, why, &error.message, now);
                (JobOutcome::GivenUp, Settlement::Dead(Box::new(letter)))
            }
        }
    }

    /// Writes into the books what becomes of the job, before the queue lets go of it: a letter must park its window
    /// before the key is free again.
    async fn record(&self, job: &Job, settlement: &Settlement) {
        let (ledger, now) = (&self.books.ledger, self.clock.now());
        match settlement {
            Settlement::Done => {
                let by_operator = job.reprocesses.is_some();
                let life = self.dispatch.max_message_age;
                self.noted(ledger.finish(&job.job_id, by_operator, life).await);
                self.end(job).await;
            }
            Settlement::Again { job, delay } => {
                self.noted(ledger.abandon(&job.job_id).await);
                self.noted(self.books.jobs.advance(job, JobStage::Delayed, now, *delay).await);
                let told = self.queue_actor.cast(JobDelayed { job: job.clone(), delay: *delay });
                self.told(told.is_ok());
            }
            Settlement::Dead(letter) => {
                self.buried(letter).await;
                self.noted(ledger.abandon(&job.job_id).await);
                self.end(job).await;
            }
        }
    }

    async fn end(&self, job: &Job) {
        self.noted(self.books.jobs.end(job).await);
        self.told(self.queue_actor.cast(JobEnded(job.clone())).is_ok());
    }

    async fn bury(&self, job: &Job, why: DeadLetterReason, error: &str) -> Settlement {
        let letter = DeadLetter::of_job(job, why, error, self.clock.now());
        self.buried(&letter).await;
        self.count(job, JobOutcome::GivenUp);
        Settlement::Dead(Box::new(letter))
    }

    async fn poison(&self, poison: &PoisonMessage) -> Settlement {
        tracing::warn!(id = poison.id, problem = poison.problem, size = poison.size, "a message is no job");
        let letter = DeadLetter::of_poison(poison, self.clock.now());
        self.buried(&letter).await;
        Settlement::Dead(Box::new(letter))
    }

    async fn buried(&self, letter: &DeadLetter) {
        self.noted(self.books.letters.add(letter).await);
        self.observer.on_event(Event::JobBuried);
    }

    async fn resolved(&self, resolved: &ResolvedNotice) -> Settlement {
        let ResolvedNotice { letter, reason } = resolved;
        match self.books.letters.remove(letter).await {
            Ok(was_there) => {
                tracing::info!(target: "audit", action = "dlq.resolve", letter, reason, was_there, "a dead letter was resolved");
            }
            Err(error) => {
                tracing::warn!(%error, letter, "a resolved dead letter cannot be taken out; its window stays parked until it is resolved again");
            }
        }
        Settlement::Done
    }

    fn count(&self, job: &Job, outcome: JobOutcome) {
        self.observer.on_event(Event::JobProcessed { org: &job.org, repo: &job.repo, outcome });
    }

    /// What the books miss only costs a look at the coverage, or a key that runs out by itself.
    fn noted(&self, recorded: Result<(), StoreError>) {
        if let Err(error) = recorded {
            self.unrecorded(&error);
        }
    }

    fn unrecorded(&self, error: &StoreError) {
        tracing::debug!(%error, "the books of jobs cannot be reached");
    }

    fn told(&self, told: bool) {
        if !told {
            tracing::debug!("the queue actor is not there; what it remembers of the job will run out");
        }
    }
}
