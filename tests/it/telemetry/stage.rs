//! A replica that sends its telemetry.

use std::path::Path;

use github_sim::Simulator;

use crate::acceptance::config;
use crate::support::Replica;

/// What makes a replica send everything soon.
pub const SOON: [(&str, &str); 3] = [
    ("OTEL_BSP_SCHEDULE_DELAY", "200"),
    ("OTEL_METRIC_EXPORT_INTERVAL", "300"),
    ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test"),
];

/// The section that sends to this address.
pub fn section(endpoint: &str, mode: &str) -> String {
    format!(
        "telemetry: {{otel_enabled: true, otel_exporter_otlp_endpoint: \"{endpoint}\", otel_trace_mode: {mode}, otel_trace_sample_ratio: 1.0}}\n"
    )
}

/// A replica called `one` that collects `acme`, with these variables besides.
pub async fn replica(
    folder: &Path,
    simulator: &Simulator,
    section: &str,
    variables: &[(&'static str, &'static str)],
) -> Replica {
    let text = config(simulator, "acme").replace("server: {", "server: {replica_id: one, ") + section;
    Replica::serve_as(folder, &text, &[&SOON, variables].concat()).await
}
