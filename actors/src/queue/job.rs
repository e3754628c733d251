//! A job: a window that should be collected again.

use serde::{Deserialize, Serialize};

use crate::activity::{DAY, OrgName, RepoId, RepoName, Timestamp, Window};

/// Why a window was not collected in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobReason {
    /// Collecting it failed.
    ScrapeError,
    /// The quota was used up.
    RateLimited,
    /// The organisation was in cooldown.
    GithubUnhealthy,
    /// It was found missing in the coverage.
    Gap,
}

impl JobReason {
    /// The value of the `reason` label.
    pub fn as_str(self) -> &'static str {
        match self {
            JobReason::ScrapeError => "scrape_error",
            JobReason::RateLimited => "rate_limited",
            JobReason::GithubUnhealthy => "github_unhealthy",
            JobReason::Gap => "gap",
        }
    }
}

/// A job of the backfill queue. Its serialized form is the body of a message, which replicas of
/// other versions read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Unique among all jobs ever enqueued.
    pub job_id: String,
    /// Equal for jobs that would collect the same window.
    pub dedup_key: String,
    pub org: OrgName,
    /// The repository's name; `*` for every repository of the organisation.
    pub repo: RepoName,
    /// Its node id, which survives a rename; `None` for every repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo_id: Option<RepoId>,
    /// The first instant of the window.
    pub window_start: Timestamp,
    /// The first instant after the window.
    pub window_end: Timestamp,
    pub reason: JobReason,
    /// The number of this attempt, from 1.
    pub attempt: u32,
    /// The number of attempts after which it becomes a dead letter.
    pub max_attempts: u32,
    /// When it was first enqueued.
    pub created_at: Timestamp,
    /// Its failed attempts, the first one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<JobFailure>,
    /// The id of the dead letter that an operator had reprocessed as this job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reprocesses: Option<String>,
    /// The trace it belongs to. It is transmitted in headers, not in the body.
    #[serde(skip)]
    pub trace: Option<Box<TraceContext>>,
}

/// The W3C trace context in which a job was enqueued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceContext {
    /// The header `traceparent`.
    pub parent: String,
    /// The header `tracestate`; empty where there is none.
    pub state: String,
}

/// An attempt that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFailure {
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// When it failed.
    pub at: Timestamp,
    /// The error, truncated to 500 characters.
    pub error: String,
}

impl JobFailure {
    /// Characters of an error that are kept: every message of a job carries all of its failures.
    const MAX_ERROR_LENGTH: usize = 500;

    /// A failed attempt.
    pub fn new(attempt: u32, at: Timestamp, error: &str) -> Self {
        JobFailure { attempt, at, error: error.chars().take(Self::MAX_ERROR_LENGTH).collect() }
    }
}

impl Job {
    /// The repository name that stands for every repository.
    pub const ALL: &str = "*";

    /// The window; `None` if it is empty.
    pub fn window(&self) -> Option<Window> {
        Window::new(self.window_start, self.window_end)
    }

    /// What makes this job invalid at `now`; `None` for a valid one. The broker may deliver
    /// anything.
    pub fn validation_error(&self, now: Timestamp) -> Option<String> {
        let (start, end) = (self.window_start, self.window_end);
        if self.window().is_none() {
            return Some(format!("the window [{start}, {end}) is empty"));
        }
        // Windows grow outward, so a valid one may end a little later than now.
        if end.seconds_since(now) > 2 * DAY {
            return Some(format!("the window [{start}, {end}) ends in the future"));
        }
        if start.as_unix() < 0 || end.seconds_since(start) > MAX_WINDOW {
            return Some(format!("the window [{start}, {end}) is longer than any retention"));
        }
        let is_incomplete = self.job_id.is_empty() || self.org.as_str().is_empty() || self.attempt == 0;
        is_incomplete.then(|| "job_id, org and attempt must not be empty".to_owned())
    }

    /// A new job for the same window with all attempts ahead of it. Its id follows from that of
    /// this job (`a`, `a~2`, `a~3`), so that a dead letter that is reprocessed twice makes the same
    /// job twice, which [`CompletedJobs`](super::CompletedJobs) recognises.
    #[must_use]
    pub fn reprocessed(&self, now: Timestamp) -> Job {
        let (base, generation) = match self.job_id.rsplit_once('~') {
            Some((base, generation)) => (base, generation.parse().unwrap_or(1)),
            None => (self.job_id.as_str(), 1_u32),
        };
        Job {
            job_id: format!("{base}~{}", generation.saturating_add(1)),
            attempt: 1,
            created_at: now,
            history: Vec::new(),
            reprocesses: Some(self.job_id.clone()),
            trace: None,
            ..self.clone()
        }
    }
}

/// The longest valid window, in seconds: the maximum retention.
const MAX_WINDOW: i64 = 3_660 * DAY;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::testing;

    fn job() -> Job {
        Job {
            attempt: 3,
            created_at: Timestamp::from_unix(1_000),
            history: vec![JobFailure::new(1, Timestamp::from_unix(1_001), "no")],
            ..testing::job("a")
        }
    }

    #[test]
    fn every_reprocessed_job_has_an_id_of_its_own() {
        let now = Timestamp::from_unix(5_000);
        let second = job().reprocessed(now);
        assert_eq!((second.job_id.as_str(), second.reprocesses.as_deref()), ("a~2", Some("a")));
        assert_eq!((second.attempt, second.history.len(), second.created_at), (1, 0, now));
        assert_eq!(second.reprocessed(now).job_id, "a~3");
        assert_eq!(job().reprocessed(now).job_id, "a~2", "reprocessed twice it is the same job");
    }

    #[test]
    fn invalid_jobs_are_recognised() {
        let now = Timestamp::from_unix(100_000);
        assert_eq!(job().validation_error(now), None);
        let later = Timestamp::from_unix(100_000 + 3 * DAY);
        for invalid in [
            Job { window_end: Timestamp::from_unix(0), ..job() },
            Job { window_end: later, ..job() },
            Job { window_start: Timestamp::from_unix(-1), ..job() },
            Job { window_start: Timestamp::MIN, ..job() },
            Job { attempt: 0, ..job() },
            Job { org: "".into(), ..job() },
        ] {
            assert!(invalid.validation_error(now).is_some(), "{invalid:?}");
        }
    }

    #[test]
    fn jobs_from_earlier_versions_are_understood() {
        let text = r#"{"job_id":"a","dedup_key":"k","org":"acme","repo":"*","window_start":0,"window_end":9,
            "reason":"gap","attempt":1,"max_attempts":5,"created_at":7}"#;
        let job: Job = serde_json::from_str(text).unwrap();
        assert_eq!((job.history.len(), job.reprocesses, job.repo_id), (0, None, None));
    }
}
