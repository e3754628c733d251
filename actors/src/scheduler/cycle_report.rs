//! How a scrape cycle ended.

use serde::Serialize;
use tracing::Span;

use super::{Completeness, CycleOutcome};
use crate::source::{SourceError, SourceErrorKind};
use crate::spans;

/// How a cycle ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CycleResult {
    /// Every repository was collected.
    Success,
    /// At least half of the repositories were collected.
    Partial,
    /// The organisation could not be listed, or more than half of its repositories failed.
    Failure,
    /// The quota was used up.
    RateLimited,
    /// This replica lost its authority to schedule, or a fault of its own interrupted the cycle.
    Cancelled,
}

impl CycleResult {
    /// The value of the `result` label.
    pub fn as_str(self) -> &'static str {
        match self {
            CycleResult::Success => "success",
            CycleResult::Partial => "partial",
            CycleResult::Failure => "failure",
            CycleResult::RateLimited => "rate_limited",
            CycleResult::Cancelled => "cancelled",
        }
    }

    /// What it says about the health of GitHub for this organisation.
    pub fn outcome(self) -> CycleOutcome {
        match self {
            CycleResult::Success | CycleResult::Partial => CycleOutcome::Succeeded,
            CycleResult::Failure => CycleOutcome::Failed,
            CycleResult::RateLimited | CycleResult::Cancelled => CycleOutcome::Neither,
        }
    }
}

impl From<&SourceError> for CycleResult {
    /// The result of a cycle that could not list the organisation.
    fn from(error: &SourceError) -> Self {
        match error.kind {
            SourceErrorKind::RateLimited => CycleResult::RateLimited,
            _ => CycleResult::Failure,
        }
    }
}

/// What a cycle did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CycleReport {
    pub result: CycleResult,
    /// Repositories listed.
    pub repositories: usize,
    /// Repositories that failed.
    pub failed: usize,
    /// The error of the first repository that failed, or why the organisation could not be listed.
    pub error: Option<String>,
    /// How complete the numbers are after the cycle; `None` if it ended before that was known.
    pub completeness: Option<Completeness>,
}

impl CycleReport {
    /// Records the result on a span.
    pub(super) fn record_on(&self, span: &Span) {
        span.record("result", self.result.as_str());
        span.record("repositories", self.repositories);
        span.record("failed", self.failed);
        if self.result == CycleResult::Failure || self.failed > 0 {
            spans::fail(span, self.error.as_deref().unwrap_or("the cycle failed"));
        }
    }

    /// A cycle that ended before it collected anything.
    pub(super) fn cut_short(result: CycleResult, error: Option<String>) -> Self {
        CycleReport { result, repositories: 0, failed: 0, error, completeness: None }
    }
}
