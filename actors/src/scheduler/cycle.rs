//! How a cycle ended.

use serde::Serialize;
use tracing::Span;

use crate::spans;

use super::{Completeness, CycleOutcome, SourceError, SourceErrorKind};

/// How a cycle ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CycleResult {
    /// Every repository was collected.
    Success,
    /// At least half of them were.
    Partial,
    /// The organisation could not be listed, or more than half of its repositories failed.
    Failure,
    /// The quota ended it.
    RateLimited,
    /// Leadership ended it.
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

    /// What it says about GitHub.
    pub fn outcome(self) -> CycleOutcome {
        match self {
            CycleResult::Success | CycleResult::Partial => CycleOutcome::Succeeded,
            CycleResult::Failure => CycleOutcome::Failed,
            CycleResult::RateLimited | CycleResult::Cancelled => CycleOutcome::Neither,
        }
    }
}

/// What a cycle did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CycleReport {
    /// How it ended.
    pub result: CycleResult,
    /// Repositories listed.
    pub repositories: usize,
    /// Repositories that failed.
    pub failed: usize,
    /// Why the first of them did, or why none could be listed.
    pub error: Option<String>,
    /// How complete the numbers are now; `None` when that could not be told.
    pub completeness: Option<Completeness>,
}

impl CycleReport {
    /// Says on a span how it went.
    pub(super) fn tell(&self, span: &Span) {
        span.record("result", self.result.as_str());
        span.record("repositories", self.repositories);
        span.record("failed", self.failed);
        if self.result == CycleResult::Failure || self.failed > 0 {
            spans::fail(span, self.error.as_deref().unwrap_or("the cycle failed"));
        }
    }

    pub(super) fn cut_short(result: CycleResult, error: Option<String>) -> Self {
        CycleReport { result, repositories: 0, failed: 0, error, completeness: None }
    }
}

/// What it means that nothing could be listed.
pub(super) fn unlisted(error: &SourceError) -> CycleResult {
    match error.kind {
        SourceErrorKind::RateLimited => CycleResult::RateLimited,
        _ => CycleResult::Failure,
    }
}
