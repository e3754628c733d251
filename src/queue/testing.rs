//! Fixtures for tests of queues.

use github_stats_actors::activity::Timestamp;
use github_stats_actors::queue::{Job, JobFailure, testing};

/// A job that has failed before.
pub(super) fn job() -> Job {
    Job {
        attempt: 3,
        created_at: Timestamp::from_unix(7),
        history: vec![JobFailure::new(1, Timestamp::from_unix(8), "no")],
        ..testing::job("a")
    }
}
