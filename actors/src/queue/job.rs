//! A window that is to be collected again.

use serde::{Deserialize, Serialize};

use crate::activity::{OrgName, RepoId, RepoName, Timestamp, Window};

/// Why a window was not collected in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Collecting it failed.
    ScrapeError,
    /// There was no quota left.
    RateLimited,
    /// The organisation was in cooldown.
    GithubUnhealthy,
    /// A sweep found it uncovered.
    Gap,
}

impl Reason {
    /// The value of the `reason` label.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::ScrapeError => "scrape_error",
            Reason::RateLimited => "rate_limited",
            Reason::GithubUnhealthy => "github_unhealthy",
            Reason::Gap => "gap",
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
    pub reason: Reason,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// After how many attempts it is given to the operator.
    pub max_attempts: u32,
    /// When it was enqueued first.
    pub created_at: Timestamp,
}

impl Job {
    /// The name that stands for all repositories.
    pub const ALL: &str = "*";

    /// The window; `None` for an absurd one that ends before it begins.
    pub fn window(&self) -> Option<Window> {
        Window::new(self.window_start, self.window_end)
    }
}
