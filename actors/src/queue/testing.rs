//! Test data for the queue, for tests of this crate and its users.

use std::time::Duration;

use super::{DispatchSettings, Job, JobReason};
use crate::activity::Timestamp;

/// Typical rules with two retries.
pub fn settings() -> DispatchSettings {
    DispatchSettings {
        coalesce_window: Duration::from_secs(900),
        dedup_ttl: Duration::from_secs(12 * 3600),
        max_enqueues_per_org_per_minute: 3,
        requeue_delays: vec![Duration::from_secs(60), Duration::from_secs(300)],
        max_message_age: Duration::from_secs(86_400),
    }
}

/// A job of this id for one window of one repository, at its first attempt. Tests that need another
/// value for a field use struct update syntax.
pub fn job(id: &str) -> Job {
    Job {
        job_id: id.into(),
        dedup_key: "acme/R_1/0-900".into(),
        org: "acme".into(),
        repo: "api".into(),
        repo_id: Some("R_1".into()),
        window_start: Timestamp::from_unix(0),
        window_end: Timestamp::from_unix(900),
        reason: JobReason::Gap,
        attempt: 1,
        max_attempts: 3,
        created_at: Timestamp::from_unix(900_000),
        history: Vec::new(),
        reprocesses: None,
        trace: None,
    }
}
