//! The section `telemetry`.

use super::checks::Checks;
use super::closed_set::closed_set;
use super::section::section;
use super::{ConfigError, HttpUrl};

section! {
    /// Traces and metrics over OpenTelemetry.
    pub struct TelemetryConfig {
        /// Whether traces and metrics are sent to a collector.
        otel_enabled: bool = false,
        /// Base URL of the OTLP collector, such as `http://collector:4318`; HTTP on port 4318, else
        /// gRPC.
        otel_exporter_otlp_endpoint: Option<HttpUrl> = None,
        /// Whether the leader also sends activity metrics; the metrics of the process are sent in
        /// any case.
        otel_activity_metrics: bool = false,
        /// The traces to send.
        otel_trace_mode: TraceMode = TraceMode::Sampled,
        /// Share of traces that are sent in mode `sampled`, from 0 to 1.
        otel_trace_sample_ratio: f64 = 0.05,
    }
}

closed_set! {
    /// The traces to send.
    pub enum TraceMode {
        /// None.
        Off = "off",
        /// Those with an error.
        Errors = "errors",
        /// A share of all.
        Sampled = "sampled",
        /// All, with all details.
        Detailed = "detailed",
    }
}

impl TelemetryConfig {
    pub(super) fn check(&self, checks: &mut Checks<'_>) -> Result<(), ConfigError> {
        const RATIO: &str = "telemetry.otel_trace_sample_ratio";
        let ratio = self.otel_trace_sample_ratio;
        checks.require((0.0..=1.0).contains(&ratio), &[RATIO], || {
            format!("{RATIO} must be between 0 and 1, but is {ratio}; 5% is 0.05")
        })?;
        if self.otel_enabled && self.otel_exporter_otlp_endpoint.is_none() {
            checks.warn(
                "telemetry.otel_enabled",
                "nothing is sent, because telemetry.otel_exporter_otlp_endpoint is empty",
            );
        }
        if self.otel_activity_metrics && !self.otel_enabled {
            checks.warn(
                "telemetry.otel_activity_metrics",
                "nothing is sent, because telemetry.otel_enabled is false",
            );
        }
        Ok(())
    }
}
