//! Exporters with a time limit, whose failures are counted.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_otlp::{MetricExporter, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::SpanData;
use tokio::runtime::Handle;

use super::outage::ExportOutage;

/// An exporter that communicates on the OTLP runtime, whichever thread of the SDK calls it.
#[derive(Debug)]
pub(super) struct WatchedExporter<E> {
    exporter: E,
    runtime: Handle,
    /// How long a batch may take.
    limit: Duration,
    outage: Arc<ExportOutage>,
}

impl<E> WatchedExporter<E> {
    pub(super) fn new(exporter: E, runtime: Handle, limit: Duration, outage: Arc<ExportOutage>) -> Self {
        WatchedExporter { exporter, runtime, limit, outage }
    }

    async fn watch(&self, export: impl Future<Output = OTelSdkResult>) -> OTelSdkResult {
        let bounded = async { tokio::time::timeout(self.limit, export).await };
        let mut bounded = pin!(bounded);
        // The SDK's threads are outside of any runtime, which both timers and connections need.
        let outcome = std::future::poll_fn(|task| {
            let _entered = self.runtime.enter();
            bounded.as_mut().poll(task)
        });
        let outcome = outcome.await.unwrap_or(Err(OTelSdkError::Timeout(self.limit)));
        self.outage.record(&outcome);
        outcome
    }
}

impl opentelemetry_sdk::trace::SpanExporter for WatchedExporter<SpanExporter> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.watch(self.exporter.export(batch)).await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl PushMetricExporter for WatchedExporter<MetricExporter> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        self.watch(self.exporter.export(metrics)).await
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.exporter.temporality()
    }
}
