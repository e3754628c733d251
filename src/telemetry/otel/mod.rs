//! Traces and metrics to a collector, over OTLP.
//!
//! Telemetry is exported by threads of its own: those of the SDK collect, and an [`OtlpRuntime`]
//! communicates with the collector. Nothing else waits for them. While the collector is
//! unavailable, its telemetry is dropped.

mod activity;
mod errors_only;
mod outage;
mod protocol;
mod pusher;
mod runtime;
mod settings;
mod watched_exporter;

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{MetricExporter, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{MeterProviderBuilder, PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::resource::EnvResourceDetector;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider,
};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

use activity::ActivitySender;
use errors_only::ErrorsOnly;
use outage::ExportOutage;
use pusher::OtlpPusher;
use runtime::OtlpRuntime;
use watched_exporter::WatchedExporter;

use crate::config::TraceMode;
use crate::replica::ReplicaState;

pub use settings::{OtelError, OtelSettings};

/// The name of the service, unless `OTEL_RESOURCE_ATTRIBUTES` says otherwise.
const SERVICE: &str = "github-stats";
/// The crates whose spans are exported. A library that traces its connections would trace those to
/// the collector as well.
const TRACED: [&str; 3] = ["github_stats", "github_stats_actors", "actix_supervisor"];
/// Spans that may wait to be exported: a cycle over thousands of repositories ends in a burst of them.
const QUEUE: usize = 8_192;

/// The export to an OTLP collector. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Otel(Arc<Inner>);

struct Inner {
    mode: TraceMode,
    traces: Arc<ExportOutage>,
    metrics: Arc<ExportOutage>,
    resource: Resource,
    tracer: Option<SdkTracerProvider>,
    /// `None` once a meter provider has taken it.
    exporter: Mutex<Option<WatchedExporter<MetricExporter>>>,
    meter: OnceLock<SdkMeterProvider>,
    /// `None` once it is in use, or where activity is not to be exported.
    pusher: Mutex<Option<OtlpPusher>>,
    interval: Duration,
    /// Dropped last.
    runtime: OtlpRuntime,
}

impl Otel {
    /// Creates the exporters; nothing is exported yet.
    ///
    /// # Errors
    /// When an address, a header or a certificate store cannot be used.
    pub fn start(settings: &OtelSettings) -> Result<Self, OtelError> {
        let runtime = OtlpRuntime::new(settings)?;
        let outage = |signal| Arc::new(ExportOutage::new(signal, settings.endpoint()));
        let (traces, metrics) = (outage("traces"), outage("metrics"));
        let limit = settings.limit();
        let resource = resource(settings.replica());
        let tracer = match settings.mode() {
            TraceMode::Off => None,
            _ => {
                let exporter =
                    WatchedExporter::new(runtime.span_exporter()?, runtime.handle(), limit, traces.clone());
                Some(tracer(settings, exporter, resource.clone()))
            }
        };
        let exporter =
            WatchedExporter::new(runtime.metric_exporter()?, runtime.handle(), limit, metrics.clone());
        let pusher = match settings.sends_activity() {
            true => Some(OtlpPusher {
                transport: runtime.transport()?,
                headers: settings.headers(),
                limit,
                outage: metrics.clone(),
            }),
            false => None,
        };
        Ok(Otel(Arc::new(Inner {
            mode: settings.mode(),
            traces,
            metrics,
            resource,
            tracer,
            exporter: Mutex::new(Some(exporter)),
            meter: OnceLock::new(),
            pusher: Mutex::new(pusher),
            interval: settings.interval(),
            runtime,
        })))
    }

    /// The layer that exports spans; `None` where traces are off.
    pub(super) fn layer<S>(&self) -> Option<impl Layer<S> + Send + Sync + use<S>>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let tracer: SdkTracer = self.0.tracer.as_ref()?.tracer(SERVICE);
        let level = match self.0.mode {
            TraceMode::Detailed => LevelFilter::DEBUG,
            _ => LevelFilter::INFO,
        };
        let layer = OpenTelemetryLayer::new(tracer)
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            // Spans have a status of their own; a logged error may have been recovered from.
            .with_error_events_to_status(false)
            .with_error_events_to_exceptions(false);
        Some(layer.with_filter(Targets::new().with_targets(TRACED.map(|target| (target, level)))))
    }

    /// Builds the one meter provider whose values are exported at the interval.
    pub(super) fn exporting(&self, builder: MeterProviderBuilder) -> SdkMeterProvider {
        let builder = builder.with_resource(self.0.resource.clone());
        let exporter = self.0.exporter.lock().unwrap_or_else(PoisonError::into_inner).take();
        let provider = match exporter {
            Some(exporter) => builder.with_reader(PeriodicReader::builder(exporter).build()).build(),
            None => builder.build(),
        };
        // Flushed at the end; a second one would export nothing.
        let _ = self.0.meter.set(provider.clone());
        provider
    }

    /// Exports the activity of `replica` at the interval while it leads the first shard, if
    /// activity is to be exported. Only the first call has an effect.
    pub fn send_activity(&self, replica: &ReplicaState) {
        let Some(pusher) = self.0.pusher.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return;
        };
        let sender = ActivitySender {
            pusher,
            view: replica.series.clone(),
            role: replica.roles.first().clone(),
            resource: shared_resource(),
            period: self.0.interval,
        };
        self.0.runtime.handle().spawn(sender.run());
    }

    /// Batches that could not be exported, by signal.
    pub(super) fn failures(&self) -> [(&'static str, u64); 2] {
        [&self.0.traces, &self.0.metrics].map(|outage| (outage.signal(), outage.failures()))
    }

    /// Exports what is left, for at most `limit`.
    pub async fn shutdown(&self, limit: Duration) {
        let (done, flushed) = oneshot::channel();
        let inner = self.0.clone();
        // The SDK blocks its caller. Should it still do so at the limit, the thread ends with the process.
        let flush = move || {
            inner.flush(limit / 2);
            let _ = done.send(());
        };
        let flushing = std::thread::Builder::new().name("otel-flush".to_owned()).spawn(flush);
        if flushing.is_err() || timeout(limit, flushed).await.is_err() {
            tracing::warn!(
                "the last traces and metrics were not exported: the collector did not accept them in time"
            );
            self.abandon();
        }
    }

    /// Discards what is not exported yet; dropping it would wait for the collector.
    pub fn abandon(&self) {
        std::mem::forget(self.0.clone());
    }
}

impl Inner {
    /// Errors are ignored: the outage has been logged already.
    fn flush(&self, limit: Duration) {
        if let Some(tracer) = &self.tracer {
            let _ = tracer.shutdown_with_timeout(limit);
        }
        if let Some(meter) = self.meter.get() {
            let _ = meter.shutdown_with_timeout(limit);
        }
    }
}

impl fmt::Debug for Otel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Otel").field("mode", &self.0.mode).finish_non_exhaustive()
    }
}

fn tracer(
    settings: &OtelSettings,
    exporter: WatchedExporter<SpanExporter>,
    resource: Resource,
) -> SdkTracerProvider {
    let batches = BatchConfigBuilder::default();
    let batches = match settings.has_own_queue_size() {
        true => batches,
        false => batches.with_max_queue_size(QUEUE),
    };
    let batches = BatchSpanProcessor::builder(exporter).with_batch_config(batches.build()).build();
    let builder = SdkTracerProvider::builder().with_resource(resource);
    let builder = match settings.mode() {
        TraceMode::Errors => {
            builder.with_sampler(Sampler::AlwaysOn).with_span_processor(ErrorsOnly::new(batches))
        }
        TraceMode::Sampled => {
            let share = Sampler::TraceIdRatioBased(settings.ratio());
            builder.with_sampler(Sampler::ParentBased(Box::new(share))).with_span_processor(batches)
        }
        TraceMode::Off | TraceMode::Detailed => {
            builder.with_sampler(Sampler::AlwaysOn).with_span_processor(batches)
        }
    };
    builder.build()
}

/// The resource of activity, which is the same for all replicas, so that series do not change with
/// the leader.
fn shared_resource() -> opentelemetry_proto::tonic::resource::v1::Resource {
    let resource = Resource::builder_empty()
        .with_attributes([KeyValue::new("service.name", SERVICE)])
        .with_detector(Box::new(EnvResourceDetector::new()))
        .build();
    let attributes = resource.iter().map(|(key, value)| activity::text(key.as_str(), &value.as_str()));
    opentelemetry_proto::tonic::resource::v1::Resource {
        attributes: attributes.collect(),
        ..Default::default()
    }
}

/// The resource of this replica; `OTEL_RESOURCE_ATTRIBUTES` adds attributes and overrides them.
fn resource(replica: &str) -> Resource {
    Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.name", SERVICE),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", replica.to_owned()),
        ])
        .with_detector(Box::new(EnvResourceDetector::new()))
        .build()
}
