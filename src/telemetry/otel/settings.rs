//! What is sent where.

use std::time::Duration;

use http::HeaderMap;
use opentelemetry_otlp::ExporterBuildError;

use super::protocol::Protocol;
use super::pusher;
use crate::config::{Environment, HttpUrl, TelemetryConfig, TraceMode};

/// Says which protocol the collector is spoken to with.
const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
/// Says how many milliseconds a batch may take.
const TIMEOUT: &str = "OTEL_EXPORTER_OTLP_TIMEOUT";
/// How long it may take where that is not said.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// Says what goes with each request, as `key=value,key=value`; the second for metrics alone.
const HEADERS: [&str; 2] = ["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_METRICS_HEADERS"];
/// Says how many milliseconds lie between two batches of metrics.
const INTERVAL: &str = "OTEL_METRIC_EXPORT_INTERVAL";
/// How many where that is not said.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);
/// Says how many spans may wait.
const QUEUE_SIZE: &str = "OTEL_BSP_MAX_QUEUE_SIZE";

/// Why nothing can be sent to the collector.
#[derive(Debug, thiserror::Error)]
pub enum OtelError {
    /// The environment asks for a protocol there is not.
    #[error("{PROTOCOL} is {0:?}; known are grpc and http/protobuf")]
    Protocol(String),
    /// Something about the address, the headers or the certificates.
    #[error(
        "telemetry cannot be sent to {endpoint}: {cause}; look at telemetry.otel_exporter_otlp_endpoint and the OTEL_EXPORTER_OTLP_* variables"
    )]
    Exporter {
        /// Where.
        endpoint: String,
        /// What the exporter said.
        cause: String,
    },
    /// The machine has no thread to spare.
    #[error("the threads that send telemetry cannot be started: {0}")]
    Threads(#[source] std::io::Error),
}

impl OtelError {
    pub(super) fn exporter(endpoint: &str, cause: &ExporterBuildError) -> Self {
        OtelError::unusable(endpoint, cause.to_string())
    }

    pub(super) fn unusable(endpoint: &str, cause: String) -> Self {
        OtelError::Exporter { endpoint: endpoint.to_owned(), cause }
    }
}

/// What is sent where.
#[derive(Clone, Debug)]
pub struct OtelSettings {
    activity: bool,
    headers: HeaderMap,
    interval: Duration,
    endpoint: HttpUrl,
    protocol: Protocol,
    mode: TraceMode,
    ratio: f64,
    replica: String,
    limit: Duration,
    own_queue_size: bool,
}

impl OtelSettings {
    /// What the configuration and the environment say; `None` where nothing is to be sent.
    ///
    /// # Errors
    /// [`OtelError::Protocol`].
    pub fn of(config: &TelemetryConfig, replica: &str, env: &Environment) -> Result<Option<Self>, OtelError> {
        let Some(endpoint) = config.otel_exporter_otlp_endpoint.clone().filter(|_| config.otel_enabled)
        else {
            return Ok(None);
        };
        let variable = env.get(PROTOCOL);
        let headers: Vec<&str> = HEADERS.iter().filter_map(|name| env.get(name)).collect();
        let millis = |name, default| {
            let told = env.get(name).and_then(|millis| millis.trim().parse().ok());
            told.filter(|millis| *millis > 0).map_or(default, Duration::from_millis)
        };
        let unknown = || OtelError::Protocol(variable.unwrap_or_default().to_owned());
        Ok(Some(OtelSettings {
            protocol: Protocol::of(&endpoint, variable).ok_or_else(unknown)?,
            endpoint,
            mode: config.otel_trace_mode,
            ratio: config.otel_trace_sample_ratio,
            replica: replica.to_owned(),
            limit: millis(TIMEOUT, DEFAULT_TIMEOUT),
            interval: millis(INTERVAL, DEFAULT_INTERVAL),
            activity: config.otel_activity_metrics,
            headers: pusher::headers(&headers),
            own_queue_size: env.get(QUEUE_SIZE).is_some(),
        }))
    }

    /// The base address, without a slash at its end.
    pub(super) fn endpoint(&self) -> &str {
        self.endpoint.as_str().trim_end_matches('/')
    }

    pub(super) fn protocol(&self) -> Protocol {
        self.protocol
    }

    pub(super) fn mode(&self) -> TraceMode {
        self.mode
    }

    pub(super) fn ratio(&self) -> f64 {
        self.ratio
    }

    pub(super) fn replica(&self) -> &str {
        &self.replica
    }

    /// Whether activity is sent.
    pub(super) fn sends_activity(&self) -> bool {
        self.activity
    }

    /// What goes with each request that carries metrics.
    pub(super) fn headers(&self) -> HeaderMap {
        self.headers.clone()
    }

    /// How long it is from one batch of metrics to the next.
    pub(super) fn interval(&self) -> Duration {
        self.interval
    }

    /// How long a batch may take.
    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    /// Whether the environment says how many spans may wait.
    pub(super) fn has_own_queue_size(&self) -> bool {
        self.own_queue_size
    }
}
