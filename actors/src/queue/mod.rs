//! The backfill queue: jobs that repair windows which were not collected in time.
//!
//! Scrapers and the scheduler send windows to the [`QueueActor`], whose [`Enqueuer`] publishes jobs
//! to a [`JobQueue`], the port to a broker; workers receive them and pass each to a [`JobHandler`],
//! which the scheduler module implements. A job that is given up becomes a dead letter, which
//! operators handle through the [`DeadLetterService`]. What all replicas must know of jobs is in
//! the [`JobStores`].

mod completed_jobs;
#[cfg(feature = "testing")]
pub mod contract;
mod dead_letter;
mod dead_letter_admin;
mod dead_letter_error;
mod dead_letter_service;
mod dead_letter_store;
mod dispatch;
mod enqueuer;
mod job;
mod job_handler;
mod job_processor;
mod job_queue;
mod job_record_store;
mod job_stores;
mod memory;
mod queue_actor;
mod queue_event;
mod reprocess_outcome;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod worker;

pub use completed_jobs::{CompletedJobs, RunDecision};
pub use dead_letter::{DeadLetter, DeadLetterReason, PoisonMessage};
pub use dead_letter_admin::{DeadLetterAdmin, DeadLetterPage, DeadLetterRemoval, ReprocessSummary};
pub use dead_letter_error::DeadLetterError;
pub use dead_letter_service::DeadLetterService;
pub use dead_letter_store::{DeadLetterStore, repairable_windows};
pub use dispatch::{
    DispatchSettings, Dispatcher, EnqueueDecision, ExistingJob, RetryDecision, WindowRequest, after_failure,
};
pub use enqueuer::{Enqueued, Enqueuer};
pub use job::{Job, JobFailure, JobReason, TraceContext};
pub use job_handler::{Handled, JobError, JobHandler, JobOutcome};
pub use job_processor::JobProcessor;
pub use job_queue::{
    BrokerStatus, Delivery, JobQueue, QueueError, QueueMessage, QueueStats, QueueStatus, ResolvedNotice,
    Settlement,
};
pub use job_record_store::{JobRecord, JobRecordStore, JobStage};
pub use job_stores::JobStores;
pub use memory::MemoryQueue;
pub use queue_actor::{Enqueue, JobBegun, JobDelayed, JobEnded, QueueActor, QueueState};
pub use queue_event::QueueEvent;
pub use reprocess_outcome::ReprocessOutcome;
pub use worker::BackfillWorker;
