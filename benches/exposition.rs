#![allow(missing_docs, reason = "criterion_group! makes an undocumented function")]
//! The cost of encoding a page of activity when everything, every hundredth row, or a hundredth in
//! one place changed, compared with the encoders of `prometheus` and `prometheus-client` for as
//! many gauges with the same labels.
//!
//! `SERIES=1000000 cargo bench --bench exposition` measures that many series instead of 100,000.

use std::hint::black_box;
use std::sync::Arc;

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use github_stats::exposition::{ContentCoding, Encoder, ExpositionFormat};
use github_stats_actors::activity::{FactCounts, FactKind, Gauges, SeriesRow, SeriesSnapshot, Timestamp};

/// Series of one row: eight gauges and five counters.
const SERIES_PER_ROW: usize = 13;
const USERS_PER_REPOSITORY: usize = 100;

fn series() -> usize {
    std::env::var("SERIES").ok().and_then(|text| text.parse().ok()).unwrap_or(100_000)
}

fn repository(row: usize) -> String {
    format!("repository-{:05}", row / USERS_PER_REPOSITORY)
}

fn row(number: usize) -> SeriesRow {
    let at = Timestamp::from_unix(1_800_000_000 + number as i64 % 80_000);
    let mut totals = FactCounts::default();
    FactKind::ALL.into_iter().for_each(|kind| totals.increment(kind));
    let gauges = Gauges {
        day: totals,
        added_weekly: number as u64 % 997,
        removed_weekly: 3,
        last_event: Some(at),
        active: true,
    };
    SeriesRow {
        org: "filled".into(),
        repo: repository(number).into(),
        user: format!("user-{number:07}").into(),
        since: at,
        gauges,
        totals: Some(totals),
    }
}

fn snapshot() -> SeriesSnapshot {
    SeriesSnapshot::of(Timestamp::from_unix(1_800_000_000), (0..series() / SERIES_PER_ROW).map(row))
}

/// The snapshot after one more review in every `step`th row from `first` on, in at most `count`
/// rows.
fn changed(before: &SeriesSnapshot, first: usize, step: usize, count: usize) -> SeriesSnapshot {
    let mut after = before.clone();
    let mut number = 0;
    for block in &mut after.blocks {
        let is_due = |n: usize| n >= first && (n - first).is_multiple_of(step) && (n - first) / step < count;
        let range = number..number + block.len();
        number = range.end;
        if !range.clone().any(is_due) {
            continue;
        }
        let mut rows = block.to_vec();
        for (n, row) in range.zip(&mut rows).filter(|(n, _)| is_due(*n)) {
            row.gauges.day.increment(FactKind::Review);
            row.gauges.last_event = row.gauges.last_event.map(|at| at + n as i64 % 60);
            if let Some(totals) = &mut row.totals {
                totals.increment(FactKind::Review);
            }
        }
        *block = Arc::from(rows);
    }
    after
}

/// An encoder that has made an edition in these codings, so that it makes the next edition in the
/// same ones.
fn warm(before: &SeriesSnapshot, codings: &[ContentCoding]) -> Encoder {
    let mut encoder = Encoder::default();
    let edition = encoder.encode(1, before);
    codings.iter().for_each(|coding| drop(edition.make(ExpositionFormat::Text, *coding)));
    encoder
}

fn update(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    before: &SeriesSnapshot,
    after: &SeriesSnapshot,
) {
    for (form, codings) in [
        ("plain", &[ContentCoding::Identity][..]),
        ("plain and gzip", &[ContentCoding::Identity, ContentCoding::Gzip]),
        ("plain and zstd", &[ContentCoding::Identity, ContentCoding::Zstd]),
    ] {
        group.bench_function(format!("{name}, {form}"), |bencher| {
            bencher.iter_batched(
                || warm(before, codings),
                |mut encoder| {
                    let edition = encoder.encode(2, black_box(after));
                    codings.iter().for_each(|coding| drop(edition.make(ExpositionFormat::Text, *coding)));
                    (edition, encoder)
                },
                BatchSize::PerIteration,
            );
        });
    }
}

fn exposition(criterion: &mut Criterion) {
    let before = snapshot();
    let rows = before.rows().count();
    let mut group = criterion.benchmark_group(format!("{} series", rows * SERIES_PER_ROW));
    group.throughput(Throughput::Elements((rows * SERIES_PER_ROW) as u64));
    group.sample_size(10);
    update(&mut group, "everything", &SeriesSnapshot::default(), &before);
    update(&mut group, "every hundredth row", &before, &changed(&before, 50, 100, usize::MAX));
    update(&mut group, "a hundredth in one place", &before, &changed(&before, rows / 2, 1, rows / 100));
    let names = [
        "gh_activity_commits_24h",
        "gh_activity_prs_opened_24h",
        "gh_activity_prs_merged_24h",
        "gh_activity_reviews_submitted_24h",
    ];
    group.bench_function("prometheus", |bencher| {
        let registry = peers::prometheus(&names, rows * SERIES_PER_ROW / names.len());
        bencher.iter(|| peers::encode_prometheus(&registry));
    });
    group.bench_function("prometheus-client", |bencher| {
        let registry = peers::prometheus_client(&names, rows * SERIES_PER_ROW / names.len());
        bencher.iter(|| peers::encode_prometheus_client(&registry));
    });
    group.finish();
}

/// The libraries that other exporters use.
mod peers {
    use prometheus::{Encoder as _, IntGaugeVec, Opts, Registry, TextEncoder};
    use prometheus_client::encoding::text::encode;
    use prometheus_client::metrics::family::Family;
    use prometheus_client::metrics::gauge::Gauge;

    type Labels = Vec<(&'static str, String)>;

    pub fn prometheus(names: &[&str], rows: usize) -> Registry {
        let registry = Registry::new();
        for name in names {
            let family = IntGaugeVec::new(Opts::new(*name, "help"), &["org", "repo", "user"]).expect("valid");
            for row in 0..rows {
                let user = format!("user-{row:07}");
                family.with_label_values(&["filled", &super::repository(row), &user]).set(row as i64 % 997);
            }
            registry.register(Box::new(family)).expect("registered once");
        }
        registry
    }

    pub fn encode_prometheus(registry: &Registry) -> usize {
        let mut page = Vec::new();
        TextEncoder::new().encode(&registry.gather(), &mut page).expect("encoded");
        page.len()
    }

    pub fn prometheus_client(names: &[&str], rows: usize) -> prometheus_client::registry::Registry {
        let mut registry = prometheus_client::registry::Registry::default();
        for name in names {
            let family = Family::<Labels, Gauge>::default();
            for row in 0..rows {
                let (repo, user) = (super::repository(row), format!("user-{row:07}"));
                let labels = vec![("org", "filled".to_owned()), ("repo", repo), ("user", user)];
                family.get_or_create(&labels).set(row as i64 % 997);
            }
            registry.register(*name, "help", family);
        }
        registry
    }

    pub fn encode_prometheus_client(registry: &prometheus_client::registry::Registry) -> usize {
        let mut page = String::new();
        encode(&mut page, registry).expect("encoded");
        page.len()
    }
}

criterion_group!(benches, exposition);
criterion_main!(benches);
