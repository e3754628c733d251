//! The counters that objectives are judged by, at one moment.

use std::collections::BTreeMap;

use tokio::time::Instant;

use crate::exposition::{MetricFamily, MetricSample, MetricValue};
use crate::replica::ReplicaState;
use crate::telemetry::{Metrics, catalogue};

/// Responses that begin within this many seconds are in time; a bucket boundary of the histogram.
pub(super) const IN_TIME: f64 = 1.0;
/// The path whose responses are judged.
const METRICS_PATH: &str = "/metrics";

/// Scrape cycles of an organisation, run by any replica.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CycleCounts {
    /// Those that collected every repository.
    pub succeeded: f64,
    /// Those that count for the objective: neither cut short by a rate limit nor cancelled.
    pub judged: f64,
}

/// Responses of this replica to `/metrics`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ResponseCounts {
    /// All of them.
    pub answered: f64,
    /// Those that were errors.
    pub failed: f64,
    /// Those that began in time.
    pub in_time: f64,
}

/// Counters at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct CounterSnapshot {
    /// The moment, on the monotonic clock.
    pub at: Instant,
    /// Cycles by organisation; `None` while this replica cannot read the sums over all replicas.
    pub cycles: Option<BTreeMap<String, CycleCounts>>,
    /// Responses since this replica started.
    pub responses: ResponseCounts,
}

impl CounterSnapshot {
    /// The counters now. Sends no message and waits for nothing.
    pub fn now(replica: &ReplicaState, metrics: &Metrics) -> Self {
        let totals = replica.peers.totals();
        CounterSnapshot {
            at: Instant::now(),
            cycles: totals.map(|families| cycles(&families)),
            responses: responses(&metrics.families()),
        }
    }
}

fn cycles(families: &[MetricFamily]) -> BTreeMap<String, CycleCounts> {
    let mut by_org: BTreeMap<String, CycleCounts> = BTreeMap::new();
    for sample in samples(families, catalogue::SCRAPE_RUNS.name) {
        let ([org, result], MetricValue::Number(count)) = (sample.labels.as_slice(), &sample.value) else {
            continue;
        };
        let cycles = by_org.entry(org.clone()).or_default();
        match result.as_str() {
            "success" => {
                cycles.succeeded += count;
                cycles.judged += count;
            }
            "partial" | "failure" => cycles.judged += count,
            _ => {}
        }
    }
    by_org
}

fn responses(families: &[MetricFamily]) -> ResponseCounts {
    let mut responses = ResponseCounts::default();
    for sample in samples(families, catalogue::HTTP_REQUESTS.name) {
        if let ([_, path, class], MetricValue::Number(count)) = (sample.labels.as_slice(), &sample.value)
            && path == METRICS_PATH
        {
            responses.answered += count;
            responses.failed += if class == "5xx" { *count } else { 0.0 };
        }
    }
    for sample in samples(families, catalogue::HTTP_DURATION.name) {
        if let ([_, path], MetricValue::Histogram(histogram)) = (sample.labels.as_slice(), &sample.value)
            && path == METRICS_PATH
        {
            let in_time = histogram.buckets.iter().rfind(|(bound, _)| *bound <= IN_TIME);
            responses.in_time += in_time.map_or(0.0, |(_, count)| *count as f64);
        }
    }
    responses
}

fn samples<'a>(families: &'a [MetricFamily], name: &str) -> impl Iterator<Item = &'a MetricSample> {
    families.iter().filter(move |family| family.name == name).flat_map(|family| &family.samples)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::telemetry::Build;

    #[test]
    fn responses_are_read_from_the_metrics_of_the_server() {
        let build = Build { version: "1".into(), revision: "a".into() };
        let metrics = Metrics::new("replica-0", build).unwrap();
        for (path, status, milliseconds) in
            [("/metrics", 200, 2), ("/metrics", 200, 999), ("/metrics", 500, 1_500), ("/healthz", 503, 1)]
        {
            metrics.http().request(path, status, Duration::from_millis(milliseconds));
        }
        let expected = ResponseCounts { answered: 3.0, failed: 1.0, in_time: 2.0 };
        assert_eq!(responses(&metrics.families()), expected);
    }

    #[test]
    fn rate_limited_and_cancelled_cycles_are_not_judged() {
        let mut family = catalogue::SCRAPE_RUNS.family();
        for (result, count) in
            [("success", 7.0), ("partial", 2.0), ("failure", 1.0), ("rate_limited", 9.0), ("cancelled", 9.0)]
        {
            family.push(&["acme", result], count);
        }
        let read = cycles(&[family]);
        assert_eq!(read["acme"], CycleCounts { succeeded: 7.0, judged: 10.0 });
    }
}
