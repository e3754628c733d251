//! What the HTTP server counts.

use std::sync::Arc;
use std::time::Duration;

use prometheus::{HistogramVec, IntCounterVec, Registry};

use super::{catalogue, vectors};

/// Answers take from microseconds to, for a million series, seconds.
const BOUNDS: [f64; 10] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

/// Counts requests to this replica. Cheap to clone; clones share everything.
#[derive(Clone, Debug)]
pub struct HttpMetrics {
    replica: Arc<str>,
    requests: IntCounterVec,
    duration: HistogramVec,
}

impl HttpMetrics {
    pub(super) fn new(replica: &str, registry: &Registry) -> prometheus::Result<Self> {
        Ok(HttpMetrics {
            replica: replica.into(),
            requests: vectors::counters(&catalogue::HTTP_REQUESTS, registry)?,
            duration: vectors::histograms(&catalogue::HTTP_DURATION, &BOUNDS, registry)?,
        })
    }

    /// A request was answered with this status. `path` is the pattern of its route, never the path itself: anybody
    /// could make up paths, and every value lives for ever.
    pub fn request(&self, path: &str, status: u16, took: Duration) {
        self.requests.with_label_values(&[&self.replica, path, class(status)]).inc();
        self.duration.with_label_values(&[&self.replica, path]).observe(took.as_secs_f64());
    }
}

fn class(status: u16) -> &'static str {
    match status / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}
