//! From the data model of the `prometheus` crate to that of the exposition.

use prometheus::Registry;
use prometheus::proto::{Metric, MetricType};

use super::catalogue;
use crate::exposition::{Desc, Histogram, MetricFamily, MetricSample, MetricValue};

/// The present values of everything registered.
pub(super) fn gather(registry: &Registry) -> Vec<MetricFamily> {
    let families = registry.gather();
    let described = families.iter().filter_map(|family| {
        let desc = catalogue::description(family.name())?;
        let kind = family.get_field_type();
        let samples = family.get_metric().iter().map(|metric| sample(desc, metric, kind)).collect();
        Some(MetricFamily { samples, ..desc.family() })
    });
    described.collect()
}

fn sample(desc: &Desc, metric: &Metric, kind: MetricType) -> MetricSample {
    // The registry sorts labels by name.
    let value_of = |label: &&str| {
        let pair = metric.get_label().iter().find(|pair| pair.name() == *label);
        pair.map(|pair| pair.value().to_owned()).unwrap_or_default()
    };
    let value = match kind {
        MetricType::HISTOGRAM => MetricValue::Histogram(histogram(metric)),
        MetricType::COUNTER => MetricValue::Number(metric.get_counter().get_value()),
        _ => MetricValue::Number(metric.get_gauge().get_value()),
    };
    MetricSample { labels: desc.labels.iter().map(value_of).collect(), value, created: None }
}

fn histogram(metric: &Metric) -> Histogram {
    let histogram = metric.get_histogram();
    Histogram {
        buckets: histogram.get_bucket().iter().map(|b| (b.upper_bound(), b.cumulative_count())).collect(),
        count: histogram.get_sample_count(),
        sum: histogram.get_sample_sum(),
    }
}
