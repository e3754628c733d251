//! `/metrics` as an independent parser reads it, compared with the simulator's ground truth.

use std::collections::BTreeMap;
use std::time::Duration;

use github_sim::Simulator;
use jiff::{SignedDuration, Timestamp};
use openmetrics_parser::{PrometheusValue, prometheus::parse_prometheus};
use tokio::time::{Instant, sleep};

use super::Replica;

/// Name, organisation, repository and user.
type SeriesKey = (String, String, String, String);
/// Every series and its value.
pub type Series = BTreeMap<SeriesKey, f64>;

/// The product's default `metrics.active_window`.
const ACTIVE_WINDOW: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The product's default `metrics.history`.
const HISTORY: SignedDuration = SignedDuration::from_hours(14 * 24);
/// Upper bound for the metrics to become correct.
const SETTLE_LIMIT: Duration = Duration::from_secs(120);

/// The activity gauges of an exposition.
pub fn parse_gauges(text: &str) -> Series {
    let exposition = parse_prometheus(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let mut series = Series::new();
    let gauges = exposition.families.iter().filter(|(name, _)| name.starts_with("gh_activity_"));
    for (name, family) in gauges {
        for sample in family.iter_samples() {
            let labelset = sample.get_labelset().expect("labels");
            let label = |wanted: &str| {
                labelset.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.clone())
            };
            let (Some(org), Some(repo), Some(user)) = (label("org"), label("repo"), label("user")) else {
                continue;
            };
            let PrometheusValue::Gauge(value) = &sample.value else { continue };
            let key = (name.clone(), org, repo, user);
            assert!(series.insert(key.clone(), value.as_f64()).is_none(), "{key:?} occurs twice");
        }
    }
    series
}

/// The counters that do not belong to one process.
pub fn counters(text: &str) -> impl Iterator<Item = (String, f64)> {
    let shared = |line: &&str| {
        line.split(['{', ' ']).next().is_some_and(|name| name.ends_with("_total"))
            && !line.starts_with('#')
            && !line.contains("replica=")
            && !line.starts_with("process_")
    };
    let read = |line: &str| {
        let (name, value) = line.rsplit_once(' ')?;
        Some((name.to_owned(), value.parse().ok()?))
    };
    text.lines().filter(shared).filter_map(read)
}

/// The series whose expected and shown values differ.
#[derive(Debug)]
pub struct Difference(pub Vec<String>);

impl Difference {
    fn between(truth: &Series, shown: &Series) -> Option<Difference> {
        let keys: std::collections::BTreeSet<_> = truth.keys().chain(shown.keys()).collect();
        let lines: Vec<String> = keys
            .into_iter()
            .filter(|key| truth.get(*key) != shown.get(*key))
            .map(|key| format!("{key:?}: true {:?}, shown {:?}", truth.get(key), shown.get(key)))
            .collect();
        (!lines.is_empty()).then_some(Difference(lines))
    }
}

/// The expected series: everything since the beginning of the collected history.
fn truth(simulator: &Simulator, first_seen: Timestamp) -> Series {
    gauges(simulator, first_seen - HISTORY)
}

fn gauges(simulator: &Simulator, floor: Timestamp) -> Series {
    let gauges = simulator.truth().gauges(simulator.now(), ACTIVE_WINDOW, floor);
    gauges
        .into_iter()
        .map(|((name, org, repo, user), value)| ((name.to_string(), org, repo, user), value))
        .collect()
}

/// Adds what may be shown as well: everything fetched is stored, so that the opening of an old pull
/// request that was just merged can be the last known event of a user.
fn with_older_events(mut truth: Series, shown: &Series, simulator: &Simulator) -> Series {
    let all = gauges(simulator, Timestamp::UNIX_EPOCH);
    let older = |key: &&SeriesKey| key.0 == "gh_activity_last_event_unixtime" && !truth.contains_key(*key);
    let known: Vec<SeriesKey> = shown.keys().filter(older).cloned().collect();
    truth.extend(known.into_iter().filter_map(|key| Some((key.clone(), *all.get(&key)?))));
    truth
}

/// Waits until all activity gauges of a replica that first saw the world at `first_seen` are
/// correct.
///
/// The simulated clock keeps running; the expected values count if they are the same before and
/// after the scrape.
pub async fn settle(replica: &Replica, simulator: &Simulator, first_seen: Timestamp) -> Series {
    let deadline = Instant::now() + SETTLE_LIMIT;
    loop {
        let before = truth(simulator, first_seen);
        let (status, text) = replica.get("/metrics").await;
        assert_eq!(status, 200, "/metrics always responds");
        let after = truth(simulator, first_seen);
        let shown = parse_gauges(&text);
        let difference = Difference::between(&with_older_events(after.clone(), &shown, simulator), &shown);
        match difference {
            None if before == after && !after.is_empty() => return after,
            Some(Difference(lines)) if Instant::now() >= deadline => {
                let few: Vec<&String> = lines.iter().take(20).collect();
                panic!("{} of {} series differ: {few:#?}\n{}", lines.len(), after.len(), replica.log());
            }
            _ => sleep(Duration::from_millis(100)).await,
        }
    }
}
