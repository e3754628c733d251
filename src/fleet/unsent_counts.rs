//! Counters that all replicas count together, as named numbers that a store can add up.
//!
//! A name is the family's name and the values of its labels, joined by the unit separator (U+001F);
//! of a histogram each bucket, the count and the sum is a number of its own, whose name ends in a
//! record separator (U+001E) and the part.

use std::collections::BTreeMap;

use github_stats_actors::store::CountBatch;

use crate::exposition::{Desc, Histogram, MetricFamily, MetricKind, MetricSample, MetricValue};
use crate::telemetry::catalogue;

const UNIT: char = '\u{1f}';
const RECORD: char = '\u{1e}';

/// The counters of these families that all replicas count together.
pub(super) fn counted(families: &[MetricFamily]) -> BTreeMap<String, f64> {
    let mut counts = BTreeMap::new();
    for family in families.iter().filter(|family| catalogue::is_counted_together(&family.name)) {
        for sample in &family.samples {
            let name = std::iter::once(family.name.as_ref()).chain(sample.labels.iter().map(String::as_str));
            let name = name.collect::<Vec<_>>().join(&UNIT.to_string());
            match &sample.value {
                MetricValue::Number(count) => {
                    counts.insert(name, *count);
                }
                MetricValue::Histogram(histogram) => {
                    let part = |part: &str| format!("{name}{RECORD}{part}");
                    counts.insert(part("count"), histogram.count as f64);
                    counts.insert(part("sum"), histogram.sum);
                    for (bound, count) in &histogram.buckets {
                        counts.insert(part(&bound.to_string()), *count as f64);
                    }
                }
            }
        }
    }
    counts
}

/// The families of these counters; a name that is no counter of this version is skipped.
pub(super) fn families(counts: &BTreeMap<String, f64>) -> Vec<MetricFamily> {
    let mut samples: BTreeMap<&str, BTreeMap<Vec<&str>, MetricValue>> = BTreeMap::new();
    for (name, count) in counts {
        let (name, part) = name.split_once(RECORD).map_or((name.as_str(), None), |(n, p)| (n, Some(p)));
        let mut values = name.split(UNIT);
        let (Some(family), labels) = (values.next(), values.collect::<Vec<_>>()) else { continue };
        let fits = catalogue::description(family).is_some_and(|desc| {
            catalogue::is_counted_together(family)
                && desc.labels.len() == labels.len()
                && (desc.kind == MetricKind::Histogram) == part.is_some()
        });
        if !fits {
            continue;
        }
        let value = samples.entry(family).or_default().entry(labels);
        match part {
            None => {
                value.or_insert(MetricValue::Number(*count));
            }
            Some(part) => {
                if let MetricValue::Histogram(histogram) =
                    value.or_insert_with(|| MetricValue::Histogram(Histogram::default()))
                {
                    add_part(histogram, part, *count);
                }
            }
        }
    }
    let described =
        samples.into_iter().filter_map(|(name, samples)| Some((catalogue::description(name)?, samples)));
    described.map(|(desc, samples)| family(desc, samples)).collect()
}

fn add_part(histogram: &mut Histogram, part: &str, count: f64) {
    match part {
        "count" => histogram.count = count as u64,
        "sum" => histogram.sum = count,
        bound => {
            if let Ok(bound) = bound.parse() {
                histogram.buckets.push((bound, count as u64));
                histogram.buckets.sort_by(|(a, _), (b, _)| f64::total_cmp(a, b));
            }
        }
    }
}

fn family(desc: &Desc, samples: BTreeMap<Vec<&str>, MetricValue>) -> MetricFamily {
    let sample = |(labels, value): (Vec<&str>, MetricValue)| MetricSample {
        labels: labels.into_iter().map(str::to_owned).collect(),
        value,
        created: None,
    };
    MetricFamily { samples: samples.into_iter().map(sample).collect(), ..desc.family() }
}

/// What this process has counted, and how much of it the store has applied.
#[derive(Debug)]
pub(super) struct UnsentCounts {
    writer: String,
    sequence: u64,
    sent: BTreeMap<String, f64>,
    pending: Option<Pending>,
}

/// A batch, and the values of its counters when it was made.
#[derive(Debug)]
struct Pending {
    batch: CountBatch,
    counted: BTreeMap<String, f64>,
}

impl UnsentCounts {
    pub(super) fn new(writer: String) -> Self {
        UnsentCounts { writer, sequence: 0, sent: BTreeMap::new(), pending: None }
    }

    /// The next batch to apply. It is repeated until [`UnsentCounts::applied`] is called, because
    /// the store may have applied it although its answer was lost.
    pub(super) fn next(&mut self, counted: impl FnOnce() -> BTreeMap<String, f64>) -> Option<CountBatch> {
        if self.pending.is_none() {
            let counted = counted();
            let sent = |name: &String| self.sent.get(name).copied().unwrap_or(0.0);
            // A count of zero is sent once, so that it is exposed before it rises.
            let grown = counted.into_iter().filter(|(n, c)| *c > sent(n) || !self.sent.contains_key(n));
            let counted: BTreeMap<String, f64> = grown.collect();
            if counted.is_empty() {
                return None;
            }
            let increments = counted.iter().map(|(n, c)| (n.clone(), c - sent(n))).collect();
            let batch = CountBatch { writer: self.writer.clone(), sequence: self.sequence + 1, increments };
            self.pending = Some(Pending { batch, counted });
        }
        self.pending.as_ref().map(|pending| pending.batch.clone())
    }

    pub(super) fn applied(&mut self, sequence: u64) {
        if let Some(applied) = self.pending.take_if(|pending| pending.batch.sequence == sequence) {
            self.sequence = sequence;
            self.sent.extend(applied.counted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    fn observed() -> Vec<MetricFamily> {
        let histogram = Histogram { buckets: vec![(0.5, 1), (10.0, 3)], count: 4, sum: 31.5 };
        let sample = MetricSample {
            labels: vec!["acme".into()],
            value: MetricValue::Histogram(histogram),
            created: None,
        };
        vec![
            MetricFamily { samples: vec![sample], ..catalogue::SCRAPE_DURATION.family() },
            catalogue::SCRAPE_RUNS.family().with(&["acme", "success"], 3.0).with(&["acme", "failure"], 0.0),
        ]
    }

    #[test]
    fn counters_survive_the_way_to_the_store_and_back() {
        let mut families = super::families(&counted(&observed()));
        for family in &mut families {
            family.samples.sort_by(|a, b| b.labels.cmp(&a.labels));
        }
        assert_eq!(families, observed());
    }

    #[test]
    fn gauges_and_counters_of_one_replica_are_not_counted_together() {
        let families = [
            catalogue::SCRAPES.family().with(&["replica-0"], 3.0),
            catalogue::QUEUE_DEPTH.family().with(&["jobs"], 3.0),
        ];
        assert_eq!(counted(&families), BTreeMap::new());
    }

    #[test]
    fn names_of_other_versions_are_skipped() {
        let names = ["unknown\u{1f}a", "gh_exporter_scrape_runs_total\u{1f}acme", "", "\u{1e}"];
        let counts = names.map(|name| (name.to_owned(), 1.0)).into();
        assert_eq!(super::families(&counts), []);
    }

    #[test]
    fn a_batch_is_repeated_until_it_was_applied() {
        let mut unsent = UnsentCounts::new("me".into());
        let counts = |runs: f64| BTreeMap::from([("runs".to_owned(), runs), ("failures".to_owned(), 0.0)]);
        let first = unsent.next(|| counts(2.0)).expect("something was counted");
        assert_eq!((first.sequence, first.increments.clone()), (1, counts(2.0)));
        assert_eq!(unsent.next(|| counts(5.0)), Some(first));
        unsent.applied(1);
        let second = unsent.next(|| counts(5.0)).expect("something was counted");
        assert_eq!((second.sequence, second.increments["runs"], second.increments.len()), (2, 3.0, 1));
        unsent.applied(7);
        assert_eq!(unsent.next(|| counts(5.0)).map(|batch| batch.sequence), Some(2));
        unsent.applied(2);
        assert_eq!(unsent.next(|| counts(5.0)), None);
    }
}
