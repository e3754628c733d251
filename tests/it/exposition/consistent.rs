//! Pages scraped while everything changes: each is one complete snapshot, in every format and
//! coding.

use std::collections::BTreeMap;
use std::io::Read;
use std::time::Duration;

use openmetrics_parser::{OpenMetricsValue, PrometheusValue, openmetrics, prometheus};
use tempfile::TempDir;
use tokio::time::sleep;

use super::promtool;
use crate::support::{Replica, soak};

const SERIES: &str = "2600";
/// Rows of the filled store, of thirteen series each.
const ROWS: usize = 200;

/// Metric, repository, user, value.
type Sample = (String, String, String, f64);

/// The activity samples of a page, parsed in its format.
fn samples(page: &str) -> Vec<Sample> {
    let activity = page.split_once("# HELP gh_exporter").expect("operations follow").0;
    let mut samples = Vec::new();
    let mut add = |metric: &str, labels: BTreeMap<String, String>, value: f64| {
        samples.push((metric.to_owned(), labels["repo"].clone(), labels["user"].clone(), value));
    };
    let owned = |(name, value): (&String, &String)| (name.clone(), value.clone());
    if page.ends_with("# EOF\n") {
        let page = openmetrics::parse_openmetrics(&format!("{activity}# EOF\n")).expect("OpenMetrics");
        for (name, family) in &page.families {
            for sample in family.iter_samples() {
                let labels = sample.get_labelset().expect("labels").iter().map(owned).collect();
                match &sample.value {
                    OpenMetricsValue::Gauge(value) => add(name, labels, value.as_f64()),
                    OpenMetricsValue::Counter(counter) => {
                        add(&format!("{name}_total"), labels, counter.value.as_f64())
                    }
                    other => panic!("{name} is {other:?}"),
                }
            }
        }
    } else {
        let page = prometheus::parse_prometheus(activity).expect("Prometheus text");
        for (name, family) in &page.families {
            for sample in family.iter_samples() {
                let labels = sample.get_labelset().expect("labels").iter().map(owned).collect();
                match &sample.value {
                    PrometheusValue::Gauge(value) => add(name, labels, value.as_f64()),
                    PrometheusValue::Counter(counter) => add(name, labels, counter.value.as_f64()),
                    other => panic!("{name} is {other:?}"),
                }
            }
        }
    }
    samples
}

/// The reviews of each user, of the last day and in total; panics if the page is inconsistent.
fn reviews(page: &str) -> BTreeMap<(String, String), (f64, f64)> {
    let mut begun: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    let count = begun.len();
    begun.sort_unstable();
    begun.dedup();
    assert_eq!(begun.len(), count, "a family begins twice");
    let samples = samples(page);
    let mut seen = BTreeMap::new();
    for (metric, repo, user, value) in &samples {
        let known = seen.insert((metric.as_str(), repo.as_str(), user.as_str()), *value);
        assert_eq!(known, None, "{metric} of {user} is there twice");
    }
    assert_eq!(seen.len(), 13 * ROWS, "thirteen complete families");
    let recent = seen.iter().filter(|((metric, ..), _)| *metric == "gh_activity_reviews_submitted_24h");
    let pair = |((_, repo, user), recent): (&(&str, &str, &str), &f64)| {
        let total = seen[&("gh_activity_reviews_submitted_total", *repo, *user)];
        (((*repo).to_owned(), (*user).to_owned()), (*recent, total))
    };
    recent.map(pair).collect()
}

/// A page in one format and content coding, decompressed.
async fn scrape(replica: &Replica, accept: &'static str, coding: &'static str) -> Option<String> {
    let url = format!("http://127.0.0.1:{}/metrics", replica.port());
    let answer = tokio::task::spawn_blocking(move || {
        let request = ureq::get(url).header("Accept", accept).header("Accept-Encoding", coding);
        let mut response = request.call().ok()?;
        let printed =
            response.headers().get("Content-Encoding").map(|value| value.to_str().expect("text").to_owned());
        assert_eq!(printed.as_deref(), (coding != "identity").then_some(coding));
        let body = response.body_mut().read_to_vec().ok()?;
        let mut text = String::new();
        match coding {
            "gzip" => flate2::read::GzDecoder::new(body.as_slice()).read_to_string(&mut text).expect("gzip"),
            "zstd" => {
                zstd::Decoder::new(body.as_slice()).expect("zstd").read_to_string(&mut text).expect("zstd")
            }
            _ => body.as_slice().read_to_string(&mut text).expect("text"),
        };
        Some(text)
    });
    answer.await.expect("scraped")
}

#[tokio::test]
#[ignore = "needs promtool; tests/run runs it"]
async fn every_page_is_one_snapshot_while_facts_arrive_and_actors_die() {
    let folder = TempDir::new().expect("a folder");
    let replica =
        Replica::spawn(folder.path(), &["demo", "--series", SERIES, "--facts-per-second", "500"]).await;
    let formats = ["text/plain", "application/openmetrics-text"];
    let forms: Vec<_> = formats
        .iter()
        .flat_map(|format| ["gzip", "identity", "zstd"].map(|coding| (*format, coding)))
        .collect();
    while replica.get("/readyz").await.0 != 200 {
        sleep(Duration::from_millis(20)).await;
    }
    let wanted = if soak() { 1_000 } else { 42 };
    let (mut pages, mut moved) = (0, 0);
    let mut last: BTreeMap<(String, String), (f64, f64)> = BTreeMap::new();
    while pages < wanted {
        let (accept, coding) = forms[pages % forms.len()];
        let page =
            scrape(&replica, accept, coding).await.unwrap_or_else(|| panic!("no page:\n{}", replica.log()));
        let reviews = reviews(&page);
        for (user, (recent, total)) in &reviews {
            assert_eq!(recent, total, "two families of {user:?} are from different snapshots");
            let before = last.get(user).map_or(0.0, |(_, total)| *total);
            assert!(*total >= before, "the counter of {user:?} fell from {before} to {total}");
            moved += usize::from(*total > before);
        }
        last = reviews;
        pages += 1;
        if pages % 7 == 0 {
            let actor = ["exposition", "store"][pages / 7 % 2];
            let mode = ["panic", "stop"][pages / 14 % 2];
            replica.post(&format!("/api/admin/chaos/actors/{actor}?mode={mode}")).await;
        }
        if pages % 20 == 1 && accept == "text/plain" {
            assert_eq!(promtool(&page), Ok(()));
        }
    }
    println!("{pages} pages, {moved} counters seen rising");
    assert!(moved > ROWS, "only {moved} counters rose on {pages} pages, too few to prove anything");
}
