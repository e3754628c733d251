//! What the adapter tells of its requests.

use std::time::Duration;

use super::quota::{ApiResource, BudgetState};

/// A quota as an answer's headers tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Points left.
    pub remaining: u64,
    /// When it is full again, in seconds since the Unix epoch.
    pub reset: i64,
    /// Points an hour, where that is told.
    pub limit: Option<u64>,
}

/// Counts requests. Called after every answer: it must not block.
pub trait RequestMeter: Send + Sync + 'static {
    /// A request ended; `status_class` is `2xx` … `5xx`, or `error` where there was no answer.
    fn request(&self, org: &str, endpoint: &str, status_class: &str, took: Duration);

    /// An answer told how much quota is left to an installation (`token`: to a token that belongs to none).
    fn rate_limit(&self, org: &str, installation: &str, limit: RateLimit);

    /// An answer told that requests come too fast.
    fn secondary_limit(&self, org: &str);

    /// A budget is used like this now.
    fn budget(&self, org: &str, resource: ApiResource, state: BudgetState);
}

/// Counts nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoMeter;

impl RequestMeter for NoMeter {
    fn request(&self, _: &str, _: &str, _: &str, _: Duration) {}
    fn rate_limit(&self, _: &str, _: &str, _: RateLimit) {}
    fn secondary_limit(&self, _: &str) {}
    fn budget(&self, _: &str, _: ApiResource, _: BudgetState) {}
}
