//! `/metrics`.

use std::io;
use std::time::Duration;

use actix_web::body::SizedStream;
use actix_web::http::header::{self, HeaderName};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use tokio::time::Instant;

use super::AppState;
use super::problem::Problem;
use crate::exposition::{ContentCoding, ExpositionFormat, MetricsPage};
use crate::fleet::all_families;

/// The header in which Prometheus sends its scrape timeout, in seconds.
const TIMEOUT_HEADER: &str = "x-prometheus-scrape-timeout-seconds";
/// How long an answer may take where the scraper sends no timeout; longer than any usual one.
const DEFAULT_LIMIT: Duration = Duration::from_secs(60);

/// Answers a scrape. The activity part is encoded once for each snapshot; the rest is new in every answer.
pub(super) async fn metrics(
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let format = ExpositionFormat::negotiate(joined(&request, header::ACCEPT).as_deref());
    let coding = ContentCoding::negotiate(joined(&request, header::ACCEPT_ENCODING).as_deref());
    let activity = state.replica.activity.encoded(format, coding).await.map_err(failed)?;
    // A client that requests the headers only reads no numbers: that is not a scrape.
    let scrapes = match *request.method() {
        Method::HEAD => state.metrics.scrapes().report(),
        _ => state.metrics.scrapes().record(state.replica.clock.now()),
    };
    let families = all_families(&state.replica, &state.metrics, &state.replica.activity.counts(), &scrapes);
    let page = MetricsPage::new(activity, &families, format, coding);
    let mut response = HttpResponse::Ok();
    response.content_type(format.content_type());
    response.insert_header((header::VARY, "Accept, Accept-Encoding"));
    if let Some(encoding) = coding.content_encoding() {
        response.insert_header((header::CONTENT_ENCODING, encoding));
    }
    let length = page.length();
    let deadline = Instant::now() + limit(&request);
    let pieces = page.into_pieces().map(move |piece| match Instant::now() < deadline {
        true => Ok(piece),
        // A client that reads on after its timeout only keeps an old page in memory.
        false => Err(io::Error::from(io::ErrorKind::TimedOut)),
    });
    Ok(response.body(SizedStream::new(length, futures::stream::iter(pieces))))
}

fn limit(request: &HttpRequest) -> Duration {
    let requested = request.headers().get(TIMEOUT_HEADER).and_then(|value| value.to_str().ok()?.parse().ok());
    let requested = requested.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    requested.map_or(DEFAULT_LIMIT, |limit| limit.min(10 * DEFAULT_LIMIT))
}

/// All values of a header as one list.
fn joined(request: &HttpRequest, name: HeaderName) -> Option<String> {
    let values: Vec<&str> = request.headers().get_all(name).filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(","))
}

fn failed(error: impl std::error::Error) -> Problem {
    tracing::error!(%error, "a scrape failed");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::sync::Arc;

    use actix_web::test::TestRequest;
    use flate2::read::GzDecoder;

    use super::*;
    use crate::exposition::testing::{read, row, snapshot};
    use crate::http::testing::{ask, fresh, get, publish, with_tree};

    fn with_rows(state: AppState) -> AppState {
        publish(&state, snapshot(vec![row("acme", "a\"}\n,b=\"\\", "ann"), row("acme", "api", "bob")]));
        state
    }

    #[actix::test]
    async fn every_format_reads_back_with_hostile_labels() {
        let (state, _root) = with_tree(with_rows(fresh())).await;
        for (accept, format) in [
            ("text/plain", ExpositionFormat::Text),
            ("application/openmetrics-text", ExpositionFormat::OpenMetrics),
        ] {
            let answer =
                ask(&state, TestRequest::get().uri("/metrics").insert_header(("Accept", accept))).await;
            assert_eq!((answer.status, answer.header("content-type")), (200, Some(format.content_type())));
            let series = read(answer.text(), format);
            let repos: Vec<&str> = series
                .keys()
                .filter(|(name, _)| name == "gh_activity_commits_24h")
                .map(|(_, labels)| labels["repo"].as_str())
                .collect();
            assert_eq!(repos, ["a\"}\n,b=\"\\", "api"]);
        }
    }

    #[actix::test]
    async fn metrics_are_served_before_there_are_numbers() {
        let state = fresh();
        let answer = get(&state, "/metrics").await;
        assert_eq!((answer.status, answer.header("vary")), (200, Some("Accept, Accept-Encoding")));
        assert!(!answer.text().contains("gh_activity_commits_24h{"));
        assert!(answer.text().contains("gh_exporter_metrics_scrapes_total{replica=\"replica-0\"} 1\n"));
        assert!(answer.text().contains("gh_exporter_store_series{family=\"gh_activity_commits_24h\"} 0\n"));
    }

    #[actix::test]
    async fn compressed_pages_hold_the_same_series() {
        let state = with_rows(fresh());
        let request = TestRequest::get().uri("/metrics").insert_header(("Accept-Encoding", "gzip;q=0.5"));
        let answer = ask(&state, request).await;
        assert_eq!(answer.header("content-encoding"), Some("gzip"));
        let mut text = String::new();
        GzDecoder::new(answer.body.as_slice()).read_to_string(&mut text).unwrap();
        let plain = get(&state, "/metrics").await;
        let names = |page: &str| read(page, ExpositionFormat::Text).into_keys().collect::<Vec<_>>();
        let activity = |page: &str| page.split("gh_exporter").next().map(str::to_owned);
        assert_eq!(activity(&text), activity(plain.text()));
        assert!(names(&text).len() > 26 && plain.header("content-encoding").is_none());
    }

    #[actix::test]
    async fn scrapes_between_two_changes_encode_nothing() {
        let state = with_rows(fresh());
        for _ in 0..5 {
            get(&state, "/metrics").await;
        }
        let activity = || state.replica.activity.encoded(ExpositionFormat::Text, ContentCoding::Identity);
        assert!(Arc::ptr_eq(&activity().await.unwrap(), &activity().await.unwrap()));
    }

    #[actix::test]
    async fn a_head_request_does_not_count_as_a_scrape() {
        let state = with_rows(fresh());
        let head = ask(&state, TestRequest::default().method(Method::HEAD).uri("/metrics")).await;
        assert_eq!(
            (head.status, head.header("content-type")),
            (200, Some(ExpositionFormat::Text.content_type()))
        );
        assert_eq!(state.metrics.scrapes().report().total, 0);
    }
}
