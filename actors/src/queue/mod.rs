//! The backfill queue: what could not be scraped in time, repaired.

mod dispatch;
mod job;
mod job_queue;
mod memory;
mod queue_actor;
mod worker;

pub use dispatch::{Admission, DispatchSettings, Dispatcher, Next, Wanted, after_failure};
pub use job::{Job, Reason};
pub use job_queue::{DeadLetter, Delivery, JobQueue, QueueError, QueueStats, Settlement};
pub use memory::MemoryQueue;
pub use queue_actor::{Enqueue, Enqueued, JobDelayed, JobEnded, QueueActor, QueueSettings, QueueState};
pub use worker::{BackfillWorker, Handled, JobError, JobHandler, JobOutcome, WorkerSettings};
