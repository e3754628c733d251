//! Traces and metrics to a collector, over OTLP.
//!
//! Everything that is sent is sent by threads of its own: the SDK's collect, and the courier's runtime exchanges with the
//! collector. What the product does waits for none of them; a collector that is away costs what it would have been told.

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

use github_stats_actors::role::RoleWatch;
use github_stats_actors::store::PublishedView;
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

pub use settings::{OtelError, OtelSettings};

/// The name of the service, unless `OTEL_RESOURCE_ATTRIBUTES` says otherwise.
const SERVICE: &str = "github-stats";
/// Whose spans are traced: our own. A library that traces its connections would trace the way to the collector as well.
const TRACED: [&str; 2] = ["github_stats", "github_stats_actors"];
/// Spans that may wait to be sent: a cycle over thousands of repositories ends in a burst of them.
const QUEUE: usize = 8_192;

/// The way to a collector. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Otel(Arc<Inner>);

struct Inner {
    mode: TraceMode,
    traces: Arc<ExportOutage>,
    metrics: Arc<ExportOutage>,
    resource: Resource,
    tracer: Option<SdkTracerProvider>,
    /// Until somebody meters.
    exporter: Mutex<Option<WatchedExporter<MetricExporter>>>,
    meter: OnceLock<SdkMeterProvider>,
    /// Until somebody sends activity; `None` where nobody is to.
    pusher: Mutex<Option<OtlpPusher>>,
    interval: Duration,
    /// Ends last.
    courier: OtlpRuntime,
}

impl Otel {
    /// Makes what sends; nothing is sent yet.
    ///
    /// # Errors
    /// When an address, a header or a certificate store cannot be used.
    pub fn start(settings: &OtelSettings) -> Result<Self, OtelError> {
        let courier = OtlpRuntime::new(settings)?;
        let outage = |signal| Arc::new(ExportOutage::new(signal, settings.endpoint()));
        let (traces, metrics) = (outage("traces"), outage("metrics"));
        let limit = settings.limit();
        let resource = resource(settings.replica());
        let tracer = match settings.mode() {
            TraceMode::Off => None,
            _ => {
                let exporter =
                    WatchedExporter::new(courier.span_exporter()?, courier.handle(), limit, traces.clone());
                Some(tracer(settings, exporter, resource.clone()))
            }
        };
        let exporter =
            WatchedExporter::new(courier.metric_exporter()?, courier.handle(), limit, metrics.clone());
        let pusher = match settings.sends_activity() {
            true => Some(OtlpPusher {
                transport: courier.transport()?,
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
            courier,
        })))
    }

    /// What makes traces of spans; `None` where there are to be none.
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
            // Spans say themselves whether they failed; a log line about something that was made up for does not.
            .with_error_events_to_status(false)
            .with_error_events_to_exceptions(false);
        Some(layer.with_filter(Targets::new().with_targets(TRACED.map(|target| (target, level)))))
    }

    /// Makes of this the one provider of meters whose values are sent from time to time.
    pub(super) fn sending(&self, builder: MeterProviderBuilder) -> SdkMeterProvider {
        let builder = builder.with_resource(self.0.resource.clone());
        let exporter = self.0.exporter.lock().unwrap_or_else(PoisonError::into_inner).take();
        let provider = match exporter {
            Some(exporter) => builder.with_reader(PeriodicReader::builder(exporter).build()).build(),
            None => builder.build(),
        };
        // Flushed at the end; a second one would send nothing.
        let _ = self.0.meter.set(provider.clone());
        provider
    }

    /// Sends the activity of `view` from time to time while `role` leads, if activity is to be sent; once for all.
    pub fn send_activity(&self, view: PublishedView, role: RoleWatch) {
        let Some(pusher) = self.0.pusher.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return;
        };
        let sender =
            ActivitySender { pusher, view, role, resource: shared_resource(), period: self.0.interval };
        self.0.courier.handle().spawn(sender.run());
    }

    /// How often something could not be sent, by signal.
    pub(super) fn failures(&self) -> [(&'static str, u64); 2] {
        [&self.0.traces, &self.0.metrics].map(|outage| (outage.signal(), outage.failures()))
    }

    /// Sends what there is, for at most `limit`.
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
                "the last traces and metrics were not sent: the collector does not take them in time"
            );
            self.abandon();
        }
    }

    /// Lets go of what was not sent yet: whoever drops it would otherwise wait for the collector.
    pub fn abandon(&self) {
        std::mem::forget(self.0.clone());
    }
}

impl Inner {
    /// What cannot be sent is known from the outage already.
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

/// Whose activity it is: that of all replicas, so that series stay the same whoever leads.
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

/// Who sends; `OTEL_RESOURCE_ATTRIBUTES` adds to it and overrides it.
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
