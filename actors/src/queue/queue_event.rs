//! What the queue reports to its observer.

use super::{JobOutcome, JobReason};
use crate::activity::{OrgName, RepoName};

/// An event of the queue actor, of a worker, or of a queue that uses a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueEvent {
    /// A job was published.
    JobEnqueued { org: OrgName, reason: JobReason },
    /// A job was not enqueued, because one for the same window is pending.
    JobDeduplicated { org: OrgName, reason: JobReason },
    /// A job was not enqueued, because its organisation reached its limit for this minute or the
    /// queue refused it. The next cycle finds its window again.
    JobDropped { org: OrgName, reason: JobReason },
    /// An attempt at a job ended. `repo` is `*` for a job of the whole organisation.
    JobProcessed { org: OrgName, repo: RepoName, outcome: JobOutcome },
    /// A job, or a malformed message, became a dead letter.
    JobDeadLettered,
    /// A message was sent to a broker, which did or did not confirm it.
    MessagePublished { confirmed: bool },
}
