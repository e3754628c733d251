//! Export failures: counted, and logged once per outage.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use opentelemetry_sdk::error::OTelSdkResult;

/// The outage of the export of one signal.
#[derive(Debug)]
pub(super) struct ExportOutage {
    signal: &'static str,
    endpoint: String,
    failures: AtomicU64,
    is_ongoing: AtomicBool,
}

impl ExportOutage {
    pub(super) fn new(signal: &'static str, endpoint: &str) -> Self {
        let endpoint = endpoint.to_owned();
        ExportOutage { signal, endpoint, failures: AtomicU64::new(0), is_ongoing: AtomicBool::new(false) }
    }

    pub(super) fn signal(&self) -> &'static str {
        self.signal
    }

    /// Batches that the collector did not accept.
    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Records the outcome of an export. The first failure is logged, and so is the first success after it.
    pub(super) fn record(&self, outcome: &OTelSdkResult) {
        let (signal, endpoint) = (self.signal, self.endpoint.as_str());
        match outcome {
            Ok(()) if self.is_ongoing.swap(false, Ordering::Relaxed) => {
                tracing::info!(signal, endpoint, "the collector accepts telemetry again");
            }
            Ok(()) => {}
            Err(error) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                if !self.is_ongoing.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        signal,
                        endpoint,
                        %error,
                        "the collector does not accept telemetry; until it does, telemetry is dropped"
                    );
                }
            }
        }
    }
}
