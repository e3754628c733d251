//! `/health/metrics`: the state of the exposition.

use actix_web::{HttpResponse, web};
use serde_json::{Map, Value, json};

use super::AppState;
use crate::telemetry::catalogue;

/// How often and when this replica was scraped, this request included, and how much it exposes. A
/// value that is also a metric is repeated under the metric's name, as runbooks quote it.
pub(super) async fn exposition_health(state: web::Data<AppState>) -> HttpResponse {
    state.metrics.scrapes().record(state.replica.clock.now());
    let scrapes = state.metrics.scrapes().report();
    // Whole seconds: this scrape was a moment ago.
    let seconds = scrapes.seconds_since_last.floor();
    let last = scrapes.last.map(|last| last.as_unix());
    let refused = state.replica.store.get().refused;
    let mut report = Map::new();
    for (short, metric, value) in [
        ("scrapes_total", catalogue::SCRAPES, json!(scrapes.total)),
        ("seconds_since_last_scrape", catalogue::SINCE_LAST_SCRAPE, json!(seconds as u64)),
        ("last_scrape_timestamp", catalogue::LAST_SCRAPE, json!(last)),
        ("refused_series", catalogue::STORE_SERIES_REFUSED, json!(refused)),
    ] {
        report.insert(short.into(), value.clone());
        report.insert(metric.name.into(), value);
    }
    report.insert("series".into(), json!(state.replica.activity.counts().total()));
    HttpResponse::Ok().json(Value::Object(report))
}

#[cfg(test)]
mod tests {
    use crate::exposition::testing::{row, snapshot};
    use crate::http::testing::{fresh, get, publish};

    #[actix::test]
    async fn a_second_request_counts_one_more_scrape_a_moment_ago() {
        let state = fresh();
        publish(&state, snapshot(vec![row("acme", "api", "ann")]));
        let first = get(&state, "/health/metrics").await.json();
        let second = get(&state, "/health/metrics").await.json();
        for name in ["scrapes_total", "gh_exporter_metrics_scrapes_total"] {
            assert_eq!((first[name].as_u64(), second[name].as_u64()), (Some(1), Some(2)));
        }
        for name in ["seconds_since_last_scrape", "gh_exporter_metrics_seconds_since_last_scrape"] {
            assert_eq!(second[name].as_u64(), Some(0));
        }
        assert!(second["gh_exporter_metrics_last_scrape_timestamp"].as_i64() >= Some(1_800_000_000));
        assert_eq!((second["series"].as_u64(), second["refused_series"].as_u64()), (Some(13), Some(0)));
        let page = get(&state, "/metrics").await;
        assert!(page.text().contains("gh_exporter_metrics_scrapes_total{replica=\"replica-0\"} 3\n"));
    }
}
