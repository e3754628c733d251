//! What happens in the tree that somebody may want to count.

use std::time::Duration;

use crate::activity::{OrgName, RepoName};
use crate::loc::LocSource;
use crate::queue::{JobOutcome, JobReason};
use crate::scheduler::CycleResult;
use crate::store::WriteSource;

/// Something that happened; passed by reference to whoever counts.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A scrape cycle of an organisation ended.
    CycleFinished {
        /// Whose.
        org: &'a OrgName,
        /// How.
        result: CycleResult,
        /// How long it took.
        took: Duration,
    },
    /// A batch was written, or could not be.
    StoreWrite {
        /// Who wrote.
        source: WriteSource,
        /// Whether the store took it.
        success: bool,
    },
    /// A backfill job was put into the queue.
    JobEnqueued {
        /// Whose.
        org: &'a OrgName,
        /// Why.
        reason: JobReason,
    },
    /// A backfill job was not enqueued because one like it is alive.
    JobDeduplicated {
        /// Whose.
        org: &'a OrgName,
        /// Why it was wanted.
        reason: JobReason,
    },
    /// A backfill job was not enqueued because its organisation has had its share; the next sweep brings it back.
    JobDropped {
        /// Whose.
        org: &'a OrgName,
        /// Why it was wanted.
        reason: JobReason,
    },
    /// A backfill job was worked on.
    JobProcessed {
        /// Whose.
        org: &'a OrgName,
        /// Which repository; `*` for all.
        repo: &'a RepoName,
        /// How it ended.
        outcome: JobOutcome,
    },
    /// A job, or what was none, became a dead letter.
    JobBuried,
    /// A message was sent to a broker.
    MessagePublished {
        /// Whether the broker confirmed that it has it.
        confirmed: bool,
    },
    /// Series are not shown because of the budget that were shown, or not there, before.
    SeriesRefused {
        /// How many.
        count: u64,
    },
    /// A gap was given up because it lies beyond retention.
    WindowGivenUp {
        /// Whose.
        org: &'a OrgName,
    },
    /// The lines of an organisation's commits were looked after.
    LinesRead {
        /// Whose.
        org: &'a OrgName,
        /// Where those of each repository come from now.
        repositories: &'a [LocSource],
    },
    /// The requests of this hour for the lines of single commits are used up.
    LinesBudgetExhausted {
        /// Whose.
        org: &'a OrgName,
    },
}

/// Counts events. Called from actors: it must not block.
pub trait Observer: Send + Sync + 'static {
    /// Something happened.
    fn on_event(&self, event: Event<'_>);
}

/// Counts nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn on_event(&self, _event: Event<'_>) {}
}
