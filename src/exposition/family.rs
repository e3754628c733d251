//! Metric families as data: passed from telemetry to the encoders, and exchanged between replicas.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What kind of metric a family is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MetricKind {
    /// Goes up and down.
    Gauge,
    /// Only goes up.
    Counter,
    /// Observations in cumulative buckets.
    Histogram,
}

/// All samples of one metric name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricFamily {
    /// The full name as Prometheus stores it; a counter's ends in `_total`.
    pub name: Cow<'static, str>,
    /// What kind of metric it is.
    pub kind: MetricKind,
    /// One sentence for the `# HELP` line.
    pub help: Cow<'static, str>,
    /// The base unit, if the name has one.
    pub unit: Option<Cow<'static, str>>,
    /// The names of the labels, which every sample gives in this order.
    pub labels: Vec<Cow<'static, str>>,
    /// The samples; no two have the same labels.
    pub samples: Vec<MetricSample>,
}

/// One series of a family at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricSample {
    /// The values of the labels, in the order of [`MetricFamily::labels`].
    pub labels: Vec<String>,
    /// The value.
    pub value: MetricValue,
    /// When the counter or histogram began to count, in seconds since the Unix epoch, if that is known.
    pub created: Option<f64>,
}

/// The value of a sample.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum MetricValue {
    /// The value of a gauge or a counter.
    Number(f64),
    /// The observations of a histogram.
    Histogram(Histogram),
}

/// Observations in cumulative buckets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// Upper bounds, ascending, each with the number of observations at or below it; without `+Inf`.
    pub buckets: Vec<(f64, u64)>,
    /// The number of all observations.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
}

impl MetricFamily {
    /// Adds a sample of a gauge or a counter.
    pub fn push(&mut self, labels: &[&str], value: f64) {
        debug_assert_eq!(labels.len(), self.labels.len(), "{}", self.name);
        let labels = labels.iter().map(|value| (*value).to_owned()).collect();
        self.samples.push(MetricSample { labels, value: MetricValue::Number(value), created: None });
    }

    /// The family with one more sample.
    #[must_use]
    pub fn with(mut self, labels: &[&str], value: f64) -> Self {
        self.push(labels, value);
        self
    }
}

/// Families by name, those of one name joined into one; of samples with equal labels the first stays.
///
/// A family of the same name but another kind or other labels (from a replica of another version)
/// is left out: half a family is better than a page no scraper can read.
pub fn merged(families: impl IntoIterator<Item = MetricFamily>) -> Vec<MetricFamily> {
    let mut by_name: BTreeMap<Cow<'static, str>, MetricFamily> = BTreeMap::new();
    for family in families {
        match by_name.get_mut(&family.name) {
            Some(known) if known.kind == family.kind && known.labels == family.labels => {
                known.samples.extend(family.samples);
            }
            Some(_) => {}
            None => {
                by_name.insert(family.name.clone(), family);
            }
        }
    }
    let mut families: Vec<MetricFamily> = by_name.into_values().collect();
    for family in &mut families {
        let mut seen = std::collections::HashSet::new();
        family.samples.retain(|sample| seen.insert(sample.labels.clone()));
    }
    families.retain(|family| !family.samples.is_empty());
    families
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::Desc;

    const UP: Desc = Desc::gauge("up", "Whether it is up.", &["replica"]);

    #[test]
    fn families_of_one_name_become_one() {
        let families = merged([
            UP.family().with(&["a"], 1.0),
            UP.family().with(&["b"], 0.0),
            UP.family().with(&["a"], 0.0),
        ]);
        assert_eq!(families, [UP.family().with(&["a"], 1.0).with(&["b"], 0.0)]);
    }

    #[test]
    fn a_family_of_another_shape_is_left_out() {
        let other = Desc::gauge("up", "Another.", &["replica", "zone"]).family().with(&["b", "x"], 1.0);
        assert_eq!(merged([UP.family().with(&["a"], 1.0), other]), [UP.family().with(&["a"], 1.0)]);
    }

    #[test]
    fn families_survive_serialization() {
        let family = UP.family().with(&["a"], 1.0);
        let text = serde_json::to_string(&family).unwrap();
        assert_eq!(serde_json::from_str::<MetricFamily>(&text).unwrap(), family);
    }
}
