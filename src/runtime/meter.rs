//! From the GitHub adapter's port to the metrics.

use std::time::Duration;

use crate::github::{RateLimit, RequestMeter};
use crate::telemetry::GithubMetrics;

/// What `installation_id` shows for a token that belongs to no installation.
const TOKEN: &str = "token";

impl RequestMeter for GithubMetrics {
    fn request(&self, org: &str, endpoint: &str, status_class: &str, took: Duration) {
        self.github_request(org, endpoint, status_class, took);
    }

    fn rate_limit(&self, org: &str, limit: RateLimit) {
        GithubMetrics::rate_limit(self, org, TOKEN, limit.remaining, limit.reset);
    }

    fn secondary_limit(&self, org: &str) {
        self.secondary_limit_hit(org);
    }
}
