//! The middleware of every request: limits, security headers, metrics and traces.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{StatusCode, header};
use actix_web::middleware::{DefaultHeaders, Next};
use actix_web::{Error, web};
use github_stats_actors::spans;
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::AppState;
use super::problem::Problem;

/// The greatest size of all headers of a request together, and of its body, in bytes.
const LIMIT: usize = 64 * 1024;
/// The `path` label of requests for paths that do not exist.
const UNKNOWN_PATH: &str = "other";

/// Headers of every answer.
pub(super) fn headers() -> DefaultHeaders {
    DefaultHeaders::new()
        .add((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .add((header::CACHE_CONTROL, "no-store"))
        .add((header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"))
        .add((header::REFERRER_POLICY, "no-referrer"))
}

/// Counts and traces requests by the pattern of their route.
pub(super) async fn count(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let http = request.app_data::<web::Data<AppState>>().map(|state| state.metrics.http());
    let began = Instant::now();
    let span = request_span(&request);
    let response = next.call(request).instrument(span.clone()).await?;
    let status = response.status();
    let pattern = response.request().match_pattern();
    let path = pattern.map_or_else(|| UNKNOWN_PATH.to_owned(), |pattern| pattern.replace(":.+}", "}"));
    span.record("http.route", &path);
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        spans::fail(&span, status);
    }
    if let Some(http) = http {
        http.request(&path, status.as_u16(), began.elapsed());
    }
    Ok(response)
}

/// A trace of its own: a client does not decide what is traced here. Clients can make up paths, so
/// the path is left out.
fn request_span(request: &ServiceRequest) -> Span {
    tracing::info_span!(
        parent: None,
        "http.request",
        otel.kind = "server",
        http.request.method = %request.method(),
        http.route = Empty,
        http.response.status_code = Empty,
        otel.status_code = Empty,
        otel.status_description = Empty,
    )
}

/// Refuses requests that are larger than any this API needs.
pub(super) async fn limit(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    match oversize(&request) {
        None => Ok(next.call(request).await?.map_into_left_body()),
        Some(problem) => Ok(problem.refuse(request)),
    }
}

fn oversize(request: &ServiceRequest) -> Option<Problem> {
    let headers = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    if headers.sum::<usize>() + request.uri().path_and_query().map_or(0, |uri| uri.as_str().len()) > LIMIT {
        let problem = Problem::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "the headers are too large");
        return Some(problem);
    }
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok()).unwrap_or(0);
    (length > LIMIT as u64).then(|| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::http::testing::{ask, fresh, get};

    #[actix::test]
    async fn every_answer_has_security_headers() {
        let state = fresh();
        for path in ["/", "/metrics", "/nowhere", "/api/admin/actors"] {
            let answer = get(&state, path).await;
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        }
    }

    #[actix::test]
    async fn requests_are_counted_by_route_and_never_by_path() {
        let mut state = fresh();
        state.admin.chaos = true;
        for path in ["/livez", "/made/up", "/made/up/too", "/api/admin/actors"] {
            get(&state, path).await;
        }
        ask(&state, TestRequest::post().uri("/api/admin/chaos/actors/some/one?mode=panic")).await;
        let page = get(&state, "/metrics").await;
        for series in [
            "path=\"/livez\",status_class=\"5xx\"} 1\n",
            "path=\"other\",status_class=\"4xx\"} 2\n",
            "path=\"/api/admin/actors\",status_class=\"4xx\"} 1\n",
            "path=\"/api/admin/chaos/actors/{id}\",status_class=\"4xx\"} 1\n",
        ] {
            let line = format!("gh_exporter_http_requests_total{{replica=\"replica-0\",{series}");
            assert!(page.text().contains(&line), "{line}\n{}", page.text());
        }
        assert!(!page.text().contains("made") && !page.text().contains("some"));
    }

    #[actix::test]
    async fn oversized_requests_are_refused() {
        let state = fresh();
        let large = "x".repeat(LIMIT);
        let headers = TestRequest::get().uri("/livez").insert_header(("x-large", large.as_str()));
        assert_eq!(ask(&state, headers).await.status, 431);
        let body = TestRequest::post().uri("/livez").insert_header(("content-length", "65537"));
        assert_eq!(ask(&state, body).await.status, 413);
    }
}
