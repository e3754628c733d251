//! A window that is to be collected again.

use serde::{Deserialize, Serialize};

use crate::activity::{DAY, OrgName, RepoId, RepoName, Timestamp, Window};

/// Why a window was not collected in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobReason {
    /// Collecting it failed.
    ScrapeError,
    /// There was no quota left.
    RateLimited,
    /// The organisation was in cooldown.
    GithubUnhealthy,
    /// A sweep found it uncovered.
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

/// The message body of the queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Unique for every job ever enqueued.
    pub job_id: String,
    /// Equal for jobs that would do the same.
    pub dedup_key: String,
    /// Whose window.
    pub org: OrgName,
    /// Which repository; `*` for all of the organisation.
    pub repo: RepoName,
    /// Its node id, so that a rename in between moves nothing; `None` for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo_id: Option<RepoId>,
    /// The first instant wanted.
    pub window_start: Timestamp,
    /// The first instant no longer wanted.
    pub window_end: Timestamp,
    /// Why.
    pub reason: JobReason,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// After how many attempts it is given to the operator.
    pub max_attempts: u32,
    /// When it was enqueued first.
    pub created_at: Timestamp,
    /// How its earlier attempts ended, the first one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<JobFailure>,
    /// The dead letter that an operator made this job of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reprocesses: Option<String>,
    /// The trace it belongs to. It travels beside the message's body, whose fields others read.
    #[serde(skip)]
    pub trace: Option<Box<TraceContext>>,
}

/// The W3C trace context of whoever enqueued a job; what is in it concerns only those who trace.
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
    /// Which attempt, from 1.
    pub attempt: u32,
    /// When it ended.
    pub at: Timestamp,
    /// Why; the beginning of it.
    pub error: String,
}

impl JobFailure {
    /// Characters of an error that are kept: a job is carried around with all of its failures.
    const LENGTH: usize = 500;

    /// What became of an attempt.
    pub fn new(attempt: u32, at: Timestamp, error: &str) -> Self {
        JobFailure { attempt, at, error: error.chars().take(Self::LENGTH).collect() }
    }
}

impl Job {
    /// The name that stands for all repositories.
    pub const ALL: &str = "*";

    /// The window; `None` for an absurd one that ends before it begins.
    pub fn window(&self) -> Option<Window> {
        Window::new(self.window_start, self.window_end)
    }

    /// Why nobody should work on this at `now`, whoever sent it; `None` for a job that makes sense.
    pub fn absurdity(&self, now: Timestamp) -> Option<String> {
        let (start, end) = (self.window_start, self.window_end);
        if self.window().is_none() {
            return Some(format!("the window [{start}, {end}) is empty"));
        }
        // Windows grow outward, so an honest one may end a little later than now.
        if end.seconds_since(now) > 2 * DAY {
            return Some(format!("the window [{start}, {end}) ends in the future"));
        }
        if start.as_unix() < 0 || end.seconds_since(start) > LONGEST {
            return Some(format!("the window [{start}, {end}) is longer than anything is kept"));
        }
        let nameless = self.job_id.is_empty() || self.org.as_str().is_empty() || self.attempt == 0;
        nameless.then(|| "job_id, org and attempt must not be empty".to_owned())
    }

    /// A new job for the same window with all its attempts ahead of it. Its name follows from that of the dead letter:
    /// a letter that is reprocessed twice makes the same job twice, which the ledger recognises.
    #[must_use]
    pub fn reprocessed(&self, now: Timestamp) -> Job {
        let (base, life) = match self.job_id.rsplit_once('~') {
            Some((base, life)) => (base, life.parse().unwrap_or(1)),
            None => (self.job_id.as_str(), 1_u32),
        };
        Job {
            job_id: format!("{base}~{}", life.saturating_add(1)),
            attempt: 1,
            created_at: now,
            history: Vec::new(),
            reprocesses: Some(self.job_id.clone()),
            trace: None,
            ..self.clone()
        }
    }
}

/// No honest window is longer, in seconds.
const LONGEST: i64 = 3_660 * DAY;

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
    fn every_life_of_a_job_has_its_own_name() {
        let now = Timestamp::from_unix(5_000);
        let second = job().reprocessed(now);
        assert_eq!((second.job_id.as_str(), second.reprocesses.as_deref()), ("a~2", Some("a")));
        assert_eq!((second.attempt, second.history.len(), second.created_at), (1, 0, now));
        assert_eq!(second.reprocessed(now).job_id, "a~3");
        assert_eq!(job().reprocessed(now).job_id, "a~2", "asked for twice it is the same job");
    }

    #[test]
    fn absurd_jobs_are_recognised() {
        let now = Timestamp::from_unix(100_000);
        assert_eq!(job().absurdity(now), None);
        let later = Timestamp::from_unix(100_000 + 3 * DAY);
        for absurd in [
            Job { window_end: Timestamp::from_unix(0), ..job() },
            Job { window_end: later, ..job() },
            Job { window_start: Timestamp::from_unix(-1), ..job() },
            Job { window_start: Timestamp::MIN, ..job() },
            Job { attempt: 0, ..job() },
            Job { org: "".into(), ..job() },
        ] {
            assert!(absurd.absurdity(now).is_some(), "{absurd:?}");
        }
    }

    #[test]
    fn what_earlier_versions_sent_is_understood() {
        let text = r#"{"job_id":"a","dedup_key":"k","org":"acme","repo":"*","window_start":0,"window_end":9,
            "reason":"gap","attempt":1,"max_attempts":5,"created_at":7}"#;
        let job: Job = serde_json::from_str(text).unwrap();
        assert_eq!((job.history.len(), job.reprocesses, job.repo_id), (0, None, None));
    }
}
