//! How long requests to the store take.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use prometheus::{HistogramVec, Registry};

use super::{catalogue, vectors};

/// In seconds: from the read of an index to a batch of thousands of records over a busy network.
const BOUNDS: [f64; 10] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

/// Observes requests to the store. Cheap to clone; clones share everything.
#[derive(Clone, Debug)]
pub(super) struct StoreMetrics {
    replica: String,
    requests: HistogramVec,
}

impl StoreMetrics {
    pub(super) fn new(replica: &str, registry: &Registry) -> prometheus::Result<Self> {
        let requests = vectors::histograms(&catalogue::STORE_REQUESTS, &BOUNDS, registry)?;
        Ok(StoreMetrics { replica: replica.to_owned(), requests })
    }

    fn exchanged(&self, op: &str, took: Duration) {
        self.requests.with_label_values(&[self.replica.as_str(), op]).observe(took.as_secs_f64());
    }
}

/// Measures a store that is opened before there are metrics; what happens until then is not measured.
#[derive(Clone, Debug, Default)]
pub struct StoreMeter(Arc<OnceLock<StoreMetrics>>);

impl StoreMeter {
    /// A request of operation `op` took this long, whether it succeeded or not.
    pub fn exchanged(&self, op: &str, took: Duration) {
        if let Some(metrics) = self.0.get() {
            metrics.exchanged(op, took);
        }
    }

    /// Records into these metrics from now on.
    pub(super) fn attach(&self, metrics: StoreMetrics) {
        // A meter belongs to one store, which belongs to one replica.
        let _ = self.0.set(metrics);
    }
}
