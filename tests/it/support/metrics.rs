//! `/metrics` as a parser of its own reads it, against the simulator's truth.

use std::collections::BTreeMap;
use std::time::Duration;

use github_sim::Simulator;
use jiff::{SignedDuration, Timestamp};
use prometheus_parse::{Scrape, Value};
use tokio::time::{Instant, sleep};

use super::Replica;

/// Name, organisation, repository and user to value.
pub type Series = BTreeMap<(String, String, String, String), f64>;

/// The product's default `metrics.active_window`.
const ACTIVE_WINDOW: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The product's default `metrics.history`.
const HISTORY: SignedDuration = SignedDuration::from_hours(14 * 24);
/// How long numbers may take to become true.
const SETTLE_LIMIT: Duration = Duration::from_secs(120);

/// The activity gauges of an exposition.
pub fn parse_gauges(text: &str) -> Series {
    let lines = text.lines().map(|line| Ok(line.to_owned()));
    let scrape = Scrape::parse(lines).expect("a parseable exposition");
    let activity = scrape.samples.into_iter().filter(|sample| {
        sample.metric.starts_with("gh_activity_")
            && !sample.metric.ends_with("_total")
            && sample.labels.contains_key("user")
    });
    let mut series = Series::new();
    for sample in activity {
        let label = |name: &str| sample.labels.get(name).unwrap_or_default().to_owned();
        let (Value::Gauge(value) | Value::Untyped(value)) = sample.value else {
            panic!("{} is no gauge", sample.metric)
        };
        let key = (sample.metric.clone(), label("org"), label("repo"), label("user"));
        assert!(series.insert(key.clone(), value).is_none(), "{key:?} is there twice");
    }
    series
}

/// What is expected and what is shown, where they differ.
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

fn truth(simulator: &Simulator, first_seen: Timestamp) -> Series {
    let gauges = simulator.truth().gauges(simulator.now(), ACTIVE_WINDOW, first_seen - HISTORY);
    gauges
        .into_iter()
        .map(|((name, org, repo, user), value)| ((name.to_string(), org, repo, user), value))
        .collect()
}

/// Waits until all activity gauges of the replica are the truth, for a replica that first saw the world at `first_seen`.
///
/// The simulated clock runs on meanwhile; the truth counts when it is the same before and after the scrape.
pub async fn settle(replica: &Replica, simulator: &Simulator, first_seen: Timestamp) -> Series {
    let deadline = Instant::now() + SETTLE_LIMIT;
    loop {
        let before = truth(simulator, first_seen);
        let (status, text) = replica.get("/metrics").await;
        assert_eq!(status, 200, "/metrics always answers");
        let after = truth(simulator, first_seen);
        let difference = Difference::between(&after, &parse_gauges(&text));
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
