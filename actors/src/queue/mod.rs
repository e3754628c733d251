//! The backfill queue: what could not be scraped in time, repaired.

mod books;
#[cfg(feature = "testing")]
pub mod contract;
mod dead_letter;
mod dead_letters;
mod dispatch;
mod job;
mod job_queue;
mod job_records;
mod ledger;
mod letter_desk;
mod memory;
mod queue_actor;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod work;
mod worker;

pub use books::Books;
pub use dead_letter::{DeadLetter, Death, Poison};
pub use dead_letters::{DeadLetters, unparked};
pub use dispatch::{Admission, DispatchSettings, Dispatcher, Known, Next, Wanted, after_failure};
pub use job::{Failure, Job, Reason, TraceContext};
pub use job_queue::{
    BrokerStatus, Delivery, JobQueue, Message, QueueError, QueueStats, QueueStatus, Resolved, Settlement,
};
pub use job_records::{JobRecord, JobRecords, Stage};
pub use ledger::{Ledger, Run};
pub use letter_desk::{DeskError, LetterDesk, Reprocessed};
pub use memory::MemoryQueue;
pub use queue_actor::{
    Enqueue, Enqueued, JobBegun, JobDelayed, JobEnded, QueueActor, QueueSettings, QueueState,
};
pub use worker::{BackfillWorker, Handled, JobError, JobHandler, JobOutcome, WorkerSettings};
