//! The port through which requests are counted.

use std::time::Duration;

use super::quota::{ApiResource, BudgetState};

/// A rate limit as the headers of a response report it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimitHeaders {
    /// Points left, from `x-ratelimit-remaining`.
    pub remaining: u64,
    /// When all points are available again, in seconds since the Unix epoch.
    pub reset: i64,
    /// Points per hour, if the response names them.
    pub limit: Option<u64>,
}

/// Counts requests. Called after every response: it must not block.
pub trait RequestMeter: Send + Sync + 'static {
    /// A request ended; `status_class` is `2xx` … `5xx`, or `error` if there was no response.
    fn record_request(&self, org: &str, endpoint: &str, status_class: &str, duration: Duration);

    /// A response reported the rate limit of an installation, or of a token (`installation` is then
    /// `token`).
    fn record_rate_limit(&self, org: &str, installation: &str, limit: RateLimitHeaders);

    /// GitHub's secondary rate limit was hit.
    fn record_secondary_limit(&self, org: &str);

    /// The state of a budget after a response.
    fn record_budget(&self, org: &str, resource: ApiResource, state: BudgetState);
}

/// Counts nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoMeter;

impl RequestMeter for NoMeter {
    fn record_request(&self, _: &str, _: &str, _: &str, _: Duration) {}
    fn record_rate_limit(&self, _: &str, _: &str, _: RateLimitHeaders) {}
    fn record_secondary_limit(&self, _: &str) {}
    fn record_budget(&self, _: &str, _: ApiResource, _: BudgetState) {}
}
