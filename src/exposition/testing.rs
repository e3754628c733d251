//! Snapshots to encode, and pages read back by a parser this project did not write.

use std::collections::BTreeMap;

use github_stats_actors::activity::{
    ActivityGauges, FactCounts, FactKind, SeriesRow, SeriesSnapshot, Timestamp,
};
use openmetrics_parser::{OpenMetricsValue, PrometheusValue, openmetrics, prometheus};
use proptest::prelude::*;

use super::ExpositionFormat;

/// Every series of a page: name of the family and labels by name, with the value (of a histogram: its count).
pub(crate) type Series = BTreeMap<(String, BTreeMap<String, String>), f64>;

/// Reads a page back.
///
/// # Panics
/// If it is malformed, or holds a series twice.
pub(crate) fn read(page: &str, format: ExpositionFormat) -> Series {
    let mut series = Series::new();
    let mut add = |family: &str, labels: BTreeMap<String, String>, value: f64| {
        let known = series.insert((family.to_owned(), labels), value);
        assert_eq!(known, None, "a series of {family} occurs twice");
    };
    match format {
        // A page without families is legal, but not to this parser.
        ExpositionFormat::Text if page.is_empty() => {}
        ExpositionFormat::OpenMetrics if page == "# EOF\n" => {}
        ExpositionFormat::Text => {
            let page = prometheus::parse_prometheus(page).unwrap_or_else(|e| panic!("{e}\n{page}"));
            for (name, family) in &page.families {
                for sample in family.iter_samples() {
                    let value = match &sample.value {
                        PrometheusValue::Gauge(value) => value.as_f64(),
                        PrometheusValue::Counter(counter) => counter.value.as_f64(),
                        PrometheusValue::Histogram(histogram) => histogram.count.unwrap() as f64,
                        other => panic!("{name} is {other:?}"),
                    };
                    add(name, labels(sample.get_labelset().unwrap().iter()), value);
                }
            }
        }
        ExpositionFormat::OpenMetrics => {
            let page = without_histogram_units(page);
            let page = openmetrics::parse_openmetrics(&page).unwrap_or_else(|e| panic!("{e}\n{page}"));
            for (name, family) in &page.families {
                for sample in family.iter_samples() {
                    let value = match &sample.value {
                        OpenMetricsValue::Gauge(value) => value.as_f64(),
                        OpenMetricsValue::Counter(counter) => counter.value.as_f64(),
                        OpenMetricsValue::Histogram(histogram) => histogram.count.unwrap() as f64,
                        other => panic!("{name} is {other:?}"),
                    };
                    add(name, labels(sample.get_labelset().unwrap().iter()), value);
                }
            }
        }
    }
    series
}

/// What a writer of bytes writes, as text.
pub(super) fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap()
}

/// The parser refuses units of histograms, which OpenMetrics allows.
fn without_histogram_units(page: &str) -> String {
    let is_histogram = |name: &str| page.contains(&format!("\n# TYPE {name} histogram\n"));
    let kept = page.split_inclusive('\n').filter(|line| {
        let name = line.strip_prefix("# UNIT ").and_then(|rest| rest.split(' ').next());
        !name.is_some_and(is_histogram)
    });
    kept.collect()
}

/// The parser leaves values escaped.
fn labels<'a>(labels: impl Iterator<Item = (&'a String, &'a String)>) -> BTreeMap<String, String> {
    labels.map(|(name, value)| (name.clone(), unescape(value))).collect()
}

fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        plain.push(match c {
            '\\' => match rest.next() {
                Some('n') => '\n',
                Some(escaped @ ('\\' | '"')) => escaped,
                other => panic!("{other:?} is escaped in {text}"),
            },
            '"' | '\n' => panic!("{text} holds what must be escaped"),
            c => c,
        });
    }
    plain
}

/// A row with something in every family.
pub(crate) fn row(org: &str, repo: &str, user: &str) -> SeriesRow {
    let mut totals = FactCounts::default();
    FactKind::ALL.into_iter().for_each(|kind| totals.increment(kind));
    let gauges = ActivityGauges {
        day: totals,
        added_weekly: 10,
        removed_weekly: 4,
        last_event: Some(Timestamp::from_unix(1_800_000_000)),
        active: true,
    };
    let since = Timestamp::from_unix(1_800_000_000);
    SeriesRow { org: org.into(), repo: repo.into(), user: user.into(), since, gauges, totals: Some(totals) }
}

/// A snapshot of these rows.
pub(crate) fn snapshot(rows: Vec<SeriesRow>) -> SeriesSnapshot {
    SeriesSnapshot::of(Timestamp::from_unix(1_800_000_000), rows)
}

/// Text of few letters, so that names collide, with everything that is special somewhere.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ab]{0,2}",
        r#"["\\n,=}{# \n\[\]]{0,6}"#,
        any::<String>().prop_map(|text| text.replace(['\r', '\u{85}', '\u{2028}', '\u{2029}'], "")),
    ]
}

fn totals() -> impl Strategy<Value = FactCounts> {
    proptest::collection::vec(0usize..5, 0..4).prop_map(|kinds| {
        let mut totals = FactCounts::default();
        kinds.into_iter().for_each(|kind| totals.increment(FactKind::ALL[kind]));
        totals
    })
}

/// Any snapshot.
pub(crate) fn any_snapshot() -> impl Strategy<Value = SeriesSnapshot> {
    let gauges = (totals(), 0u64..1 << 50, 0u64..3, proptest::option::of(-5i64..1 << 40), any::<bool>());
    let gauges = gauges.prop_map(|(day, added_weekly, removed_weekly, last_event, active)| ActivityGauges {
        day,
        added_weekly,
        removed_weekly,
        last_event: last_event.map(Timestamp::from_unix),
        active,
    });
    let row = (name(), name(), name(), gauges, proptest::option::of(totals()));
    let row = row.prop_map(|(org, repo, user, gauges, totals)| SeriesRow {
        since: Timestamp::from_unix(0),
        org: org.into(),
        repo: repo.into(),
        user: user.into(),
        gauges,
        totals,
    });
    proptest::collection::vec(row, 0..20).prop_map(snapshot)
}
