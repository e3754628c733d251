//! What the tests of queues share.

use github_stats_actors::activity::Timestamp;
use github_stats_actors::queue::{Failure, Job, Reason};

/// A job that was tried before.
pub(super) fn job() -> Job {
    Job {
        job_id: "a".into(),
        dedup_key: "acme/R_1/0-900".into(),
        org: "acme".into(),
        repo: "api".into(),
        repo_id: Some("R_1".into()),
        window_start: Timestamp::from_unix(0),
        window_end: Timestamp::from_unix(900),
        reason: Reason::Gap,
        attempt: 3,
        max_attempts: 3,
        created_at: Timestamp::from_unix(7),
        history: vec![Failure::new(1, Timestamp::from_unix(8), "no")],
        reprocesses: None,
        trace: None,
    }
}
