//! The settings of the OTLP export.

use std::time::Duration;

use http::HeaderMap;
use opentelemetry_otlp::ExporterBuildError;

use super::protocol::Protocol;
use super::pusher;
use crate::config::{Environment, HttpUrl, TelemetryConfig, TraceMode};

/// The variable for the protocol.
const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
/// The variable for the time limit of a batch, in milliseconds.
const TIMEOUT: &str = "OTEL_EXPORTER_OTLP_TIMEOUT";
/// The limit without that variable.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// The variables for headers of requests, as `key=value,key=value`; the second is for metrics only.
const HEADERS: [&str; 2] = ["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_METRICS_HEADERS"];
/// The variable for the interval between two batches of metrics, in milliseconds.
const INTERVAL: &str = "OTEL_METRIC_EXPORT_INTERVAL";
/// The interval without that variable.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);
/// The variable for the number of spans that may wait.
const QUEUE_SIZE: &str = "OTEL_BSP_MAX_QUEUE_SIZE";

/// Why nothing can be exported.
#[derive(Debug, thiserror::Error)]
pub enum OtelError {
    /// The protocol is unknown.
    #[error("{PROTOCOL} is {0:?}; known are grpc and http/protobuf")]
    Protocol(String),
    /// The address, the headers or the certificates cannot be used.
    #[error(
        "telemetry cannot be sent to {endpoint}: {cause}; check telemetry.otel_exporter_otlp_endpoint and the OTEL_EXPORTER_OTLP_* variables"
    )]
    Exporter {
        /// The address of the collector.
        endpoint: String,
        /// The error of the exporter.
        cause: String,
    },
    /// Threads cannot be started.
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

/// The settings of the OTLP export.
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
    /// The settings in the configuration and the environment; `None` where nothing is to be exported.
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
            let configured = env.get(name).and_then(|millis| millis.trim().parse().ok());
            configured.filter(|millis| *millis > 0).map_or(default, Duration::from_millis)
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

    /// Whether activity is exported.
    pub(super) fn sends_activity(&self) -> bool {
        self.activity
    }

    /// The headers of each request with metrics.
    pub(super) fn headers(&self) -> HeaderMap {
        self.headers.clone()
    }

    /// The interval between two batches of metrics.
    pub(super) fn interval(&self) -> Duration {
        self.interval
    }

    /// How long a batch may take.
    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    /// Whether the environment sets the number of spans that may wait.
    pub(super) fn has_own_queue_size(&self) -> bool {
        self.own_queue_size
    }
}
