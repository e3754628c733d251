//! From the adapters' ports to the metrics.

use std::time::Duration;

use crate::github::quota::{ApiResource, BudgetState};
use crate::github::{RateLimitHeaders, RequestMeter};
use crate::meter::StoreRequestMeter;
use crate::telemetry::{GithubMetrics, StoreMeter};

impl StoreRequestMeter for StoreMeter {
    fn observe(&self, op: &'static str, took: Duration) {
        StoreMeter::exchanged(self, op, took);
    }
}

impl RequestMeter for GithubMetrics {
    fn record_request(&self, org: &str, endpoint: &str, status_class: &str, took: Duration) {
        self.github_request(org, endpoint, status_class, took);
    }

    fn record_rate_limit(&self, org: &str, installation: &str, limit: RateLimitHeaders) {
        GithubMetrics::rate_limit(self, org, installation, limit.remaining, limit.reset);
    }

    fn record_secondary_limit(&self, org: &str) {
        self.secondary_limit_hit(org);
    }

    fn record_budget(&self, org: &str, resource: ApiResource, state: BudgetState) {
        let BudgetState { limit, remaining, reserved, kept_back } = state;
        let states =
            [("limit", limit), ("remaining", remaining), ("reserved", reserved), ("kept_back", kept_back)];
        for (state, points) in states {
            self.api_budget(org, resource.as_str(), state, points);
        }
    }
}
