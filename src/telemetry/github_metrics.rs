//! Metrics of requests to GitHub.

use std::time::Duration;

use prometheus::{GaugeVec, HistogramVec, IntCounterVec, Registry};

use super::{catalogue, vectors};

/// In seconds: requests take from tens of milliseconds to the request timeout.
const BOUNDS: [f64; 9] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0];

/// Counts requests to GitHub and exposes its rate limits. Cheap to clone; clones share everything.
#[derive(Clone, Debug)]
pub struct GithubMetrics {
    requests: IntCounterVec,
    duration: HistogramVec,
    remaining: GaugeVec,
    reset: GaugeVec,
    secondary: IntCounterVec,
    budget: GaugeVec,
}

impl GithubMetrics {
    pub(super) fn new(registry: &Registry) -> prometheus::Result<Self> {
        Ok(GithubMetrics {
            requests: vectors::counters(&catalogue::GITHUB_REQUESTS, registry)?,
            duration: vectors::histograms(&catalogue::GITHUB_DURATION, &BOUNDS, registry)?,
            remaining: vectors::gauges(&catalogue::RATE_LIMIT_REMAINING, registry)?,
            reset: vectors::gauges(&catalogue::RATE_LIMIT_RESET, registry)?,
            secondary: vectors::counters(&catalogue::SECONDARY_LIMIT_HITS, registry)?,
            budget: vectors::gauges(&catalogue::API_BUDGET, registry)?,
        })
    }

    /// A request was answered with a status of this class (`2xx`, …), or not at all (`error`). The
    /// endpoint is a pattern, never a path: every label value is kept for the life of the process.
    pub fn github_request(&self, org: &str, endpoint: &str, status_class: &str, took: Duration) {
        self.requests.with_label_values(&[org, endpoint, status_class]).inc();
        self.duration.with_label_values(&[org, endpoint]).observe(took.as_secs_f64());
    }

    /// GitHub reported how much is left, and when the limit resets, in Unix time.
    pub fn rate_limit(&self, org: &str, installation_id: &str, remaining: u64, reset_unixtime: i64) {
        let labels = [org, installation_id];
        self.remaining.with_label_values(&labels).set(remaining as f64);
        self.reset.with_label_values(&labels).set(reset_unixtime as f64);
    }

    pub(super) fn begin_at_zero(&self, org: &str) {
        self.secondary.with_label_values(&[org]);
    }

    /// GitHub refused because of a secondary rate limit.
    pub fn secondary_limit_hit(&self, org: &str) {
        self.secondary.with_label_values(&[org]).inc();
    }

    /// So many points of a resource are in this state.
    pub fn api_budget(&self, org: &str, resource: &str, state: &str, points: u64) {
        self.budget.with_label_values(&[org, resource, state]).set(points as f64);
    }
}
