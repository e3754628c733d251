//! The backfill queue: what could not be scraped in time, repaired.

mod completed_jobs;
#[cfg(feature = "testing")]
pub mod contract;
mod dead_letter;
mod dead_letter_admin;
mod dead_letter_service;
mod dead_letter_store;
mod dispatch;
mod job;
mod job_queue;
mod job_record_store;
mod job_stores;
mod memory;
mod queue_actor;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod work;
mod worker;

pub use completed_jobs::{CompletedJobs, RunDecision};
pub use dead_letter::{DeadLetter, DeadLetterReason, PoisonMessage};
pub use dead_letter_admin::{DeadLetterAdmin, DeadLetterPage, DeadLetterRemoval, ReprocessSummary};
pub use dead_letter_service::{DeadLetterError, DeadLetterService, ReprocessOutcome};
pub use dead_letter_store::{DeadLetterStore, unparked};
pub use dispatch::{
    DispatchSettings, Dispatcher, EnqueueDecision, ExistingJob, RetryDecision, WindowRequest, after_failure,
};
pub use job::{Job, JobFailure, JobReason, TraceContext};
pub use job_queue::{
    BrokerStatus, Delivery, JobQueue, QueueError, QueueMessage, QueueStats, QueueStatus, ResolvedNotice,
    Settlement,
};
pub use job_record_store::{JobRecord, JobRecordStore, JobStage};
pub use job_stores::JobStores;
pub use memory::MemoryQueue;
pub use queue_actor::{
    Enqueue, Enqueued, JobBegun, JobDelayed, JobEnded, QueueActor, QueueSettings, QueueState,
};
pub use worker::{BackfillWorker, Handled, JobError, JobHandler, JobOutcome, WorkerSettings};
