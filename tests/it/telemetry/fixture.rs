//! A replica that sends its telemetry.

use std::path::Path;

use github_sim::Simulator;

use crate::support::{Replica, config};

/// Environment variables for frequent exports.
pub const SHORT_INTERVALS: [(&str, &str); 3] = [
    ("OTEL_BSP_SCHEDULE_DELAY", "200"),
    ("OTEL_METRIC_EXPORT_INTERVAL", "300"),
    ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test"),
];

/// The configuration section for this endpoint.
pub fn telemetry_section(endpoint: &str, mode: &str) -> String {
    format!(
        "telemetry: {{otel_enabled: true, otel_exporter_otlp_endpoint: \"{endpoint}\", otel_trace_mode: {mode}, otel_trace_sample_ratio: 1.0}}\n"
    )
}

/// A replica `one` that collects `acme`, with additional environment variables.
pub async fn replica(
    folder: &Path,
    simulator: &Simulator,
    telemetry_section: &str,
    variables: &[(&'static str, &'static str)],
) -> Replica {
    let text =
        config(simulator, "acme").replace("server: {", "server: {replica_id: one, ") + telemetry_section;
    Replica::serve_as(folder, &text, &[&SHORT_INTERVALS, variables].concat()).await
}
