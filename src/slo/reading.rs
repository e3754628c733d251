//! What was counted up to a moment, of all that is counted.

use std::collections::BTreeMap;

use tokio::time::Instant;

use crate::exposition::{MetricFamily, MetricSample, MetricValue};
use crate::telemetry::{Metrics, Sources, catalogue};

/// Answers that begin within this many seconds are in time; one of the bounds of the histogram.
pub(super) const IN_TIME: f64 = 1.0;
/// The page whose answers are judged.
const PAGE: &str = "/metrics";

/// Scrape cycles of an organisation, by all replicas.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cycles {
    /// Those that collected every repository.
    pub succeeded: f64,
    /// Those that tell something about success: neither cut short by quota nor cancelled.
    pub judged: f64,
}

/// Answers of this replica to `/metrics`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pages {
    /// All of them.
    pub answered: f64,
    /// Those that were errors.
    pub failed: f64,
    /// Those that began in time.
    pub in_time: f64,
}

/// What was counted up to a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct CounterReading {
    /// The moment.
    pub at: Instant,
    /// The cycles by organisation; `None` while this replica is cut off from what all count together.
    pub cycles: Option<BTreeMap<String, Cycles>>,
    /// The answers.
    pub pages: Pages,
}

impl CounterReading {
    /// The counts now. Asks no actor and waits for nothing.
    pub fn now(sources: &Sources, metrics: &Metrics) -> Self {
        let totals = sources.fleet.totals();
        CounterReading {
            at: Instant::now(),
            cycles: totals.map(|families| cycles(&families)),
            pages: pages(&metrics.families()),
        }
    }
}

fn cycles(families: &[MetricFamily]) -> BTreeMap<String, Cycles> {
    let mut by_org: BTreeMap<String, Cycles> = BTreeMap::new();
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

fn pages(families: &[MetricFamily]) -> Pages {
    let mut pages = Pages::default();
    for sample in samples(families, catalogue::HTTP_REQUESTS.name) {
        if let ([_, path, class], MetricValue::Number(count)) = (sample.labels.as_slice(), &sample.value)
            && path == PAGE
        {
            pages.answered += count;
            pages.failed += if class == "5xx" { *count } else { 0.0 };
        }
    }
    for sample in samples(families, catalogue::HTTP_DURATION.name) {
        if let ([_, path], MetricValue::Histogram(histogram)) = (sample.labels.as_slice(), &sample.value)
            && path == PAGE
        {
            let in_time = histogram.buckets.iter().rfind(|(bound, _)| *bound <= IN_TIME);
            pages.in_time += in_time.map_or(0.0, |(_, count)| *count as f64);
        }
    }
    pages
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
    fn answers_are_read_from_what_the_server_counted() {
        let build = Build { version: "1".into(), revision: "a".into() };
        let metrics = Metrics::new("replica-0", build).unwrap();
        for (path, status, milliseconds) in
            [("/metrics", 200, 2), ("/metrics", 200, 999), ("/metrics", 500, 1_500), ("/healthz", 503, 1)]
        {
            metrics.http().request(path, status, Duration::from_millis(milliseconds));
        }
        let expected = Pages { answered: 3.0, failed: 1.0, in_time: 2.0 };
        assert_eq!(pages(&metrics.families()), expected);
    }

    #[test]
    fn only_cycles_that_tell_something_are_judged() {
        let mut family = catalogue::SCRAPE_RUNS.family();
        for (result, count) in
            [("success", 7.0), ("partial", 2.0), ("failure", 1.0), ("rate_limited", 9.0), ("cancelled", 9.0)]
        {
            family.push(&["acme", result], count);
        }
        let read = cycles(&[family]);
        assert_eq!(read["acme"], Cycles { succeeded: 7.0, judged: 10.0 });
    }
}
