//! What becomes of what is sent, told once an outage.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use opentelemetry_sdk::error::OTelSdkResult;

/// How the collector takes one signal.
#[derive(Debug)]
pub(super) struct ExportOutage {
    signal: &'static str,
    endpoint: String,
    failures: AtomicU64,
    lasts: AtomicBool,
}

impl ExportOutage {
    pub(super) fn new(signal: &'static str, endpoint: &str) -> Self {
        let endpoint = endpoint.to_owned();
        ExportOutage { signal, endpoint, failures: AtomicU64::new(0), lasts: AtomicBool::new(false) }
    }

    pub(super) fn signal(&self) -> &'static str {
        self.signal
    }

    /// Batches that were not taken.
    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// A batch was sent, or not. The first that was not is worth a line, and the first that was again.
    pub(super) fn sent(&self, outcome: &OTelSdkResult) {
        let (signal, endpoint) = (self.signal, self.endpoint.as_str());
        match outcome {
            Ok(()) if self.lasts.swap(false, Ordering::Relaxed) => {
                tracing::info!(signal, endpoint, "the collector takes telemetry again");
            }
            Ok(()) => {}
            Err(error) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                if !self.lasts.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        signal,
                        endpoint,
                        %error,
                        "the collector does not take telemetry; until it does, what it would be told is dropped"
                    );
                }
            }
        }
    }
}
