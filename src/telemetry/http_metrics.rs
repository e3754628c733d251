//! Metrics of the HTTP server.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::metrics::{Counter, Histogram};

use super::catalogue;
use super::instruments::{Instruments, labelled};

/// In seconds: answers take from microseconds to, for a million series, seconds.
const BOUNDS: [f64; 10] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

/// Counts requests to this replica. Cheap to clone; clones share everything.
#[derive(Clone, Debug)]
pub struct HttpMetrics {
    replica: Arc<str>,
    requests: Counter<u64>,
    duration: Histogram<f64>,
}

impl HttpMetrics {
    pub(super) fn new(replica: &str, instruments: &Instruments) -> Self {
        HttpMetrics {
            replica: replica.into(),
            requests: instruments.counter(&catalogue::HTTP_REQUESTS),
            duration: instruments.histogram(&catalogue::HTTP_DURATION, &BOUNDS),
        }
    }

    /// A request was answered with this status. `path` is the pattern of its route, never the path
    /// itself, which a client can make up: every label value is kept for the life of the process.
    pub fn request(&self, path: &str, status: u16, took: Duration) {
        let labels = |desc, values: &[&str]| labelled(desc, values.iter().map(|value| (*value).to_owned()));
        self.requests.add(1, &labels(&catalogue::HTTP_REQUESTS, &[&self.replica, path, class(status)]));
        self.duration.record(took.as_secs_f64(), &labels(&catalogue::HTTP_DURATION, &[&self.replica, path]));
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
