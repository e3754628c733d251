//! Requests to GitHub on behalf of one organisation: credentials, rate limits, retries and metrics.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use github_stats_actors::activity::{OrgName, Timestamp};
use github_stats_actors::clock::Clock;
use github_stats_actors::source::{RequestPriority, SourceError, SourceErrorKind};
use github_stats_actors::spans;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::api_request::{ApiRequest, RequestFailure, without_query};
use super::auth::{TokenError, TokenSource};
use super::classify::{ErrorClass, RateLimitHit, classify_http_error};
use super::http_response::HttpResponse;
use super::meter::RequestMeter;
use super::quota::{HourlyCap, PermitRequest, QuotaRefusal, RateLimitStatus, RateLimiter, RequestPermit};
use super::retry::{RetrySettings, current_attempt};
use super::transport::{HttpRequest, HttpTransport, TransportError};

/// What a client consists of.
#[derive(Clone)]
pub struct ClientSettings {
    /// The organisation, as named in errors and metrics.
    pub org: OrgName,
    /// The connection to the server.
    pub transport: HttpTransport,
    pub tokens: Arc<dyn TokenSource>,
    /// The rate limiter of these credentials.
    pub rate_limiter: Arc<RateLimiter>,
    /// The hourly cap of this organisation.
    pub cap: Option<Arc<Mutex<HourlyCap>>>,
    /// Requests in flight at once.
    pub concurrency: usize,
    pub retry: RetrySettings,
    /// Adjusted to the `Date` of every response.
    pub clock: Arc<Clock>,
    pub meter: Arc<dyn RequestMeter>,
}

/// A client of GitHub's APIs. Cheap to clone; clones share limits.
#[derive(Clone)]
pub struct GithubClient {
    settings: Arc<ClientSettings>,
    permits: Arc<Semaphore>,
    priority: RequestPriority,
}

impl GithubClient {
    /// A client with priority [`RequestPriority::Live`]. Sends nothing yet.
    pub fn new(settings: ClientSettings) -> Self {
        let permits = Arc::new(Semaphore::new(settings.concurrency.max(1)));
        GithubClient { settings: Arc::new(settings), permits, priority: RequestPriority::Live }
    }

    /// The same client with another priority.
    pub fn with_priority(&self, priority: RequestPriority) -> Self {
        GithubClient { priority, ..self.clone() }
    }

    /// The organisation on whose behalf requests are sent.
    pub fn org(&self) -> &OrgName {
        &self.settings.org
    }

    /// GitHub's time.
    pub fn now(&self) -> Timestamp {
        self.settings.clock.now()
    }

    /// The path of the GraphQL API.
    pub fn graphql_path(&self) -> &str {
        self.settings.transport.graphql_path()
    }

    /// How requests are retried.
    pub fn retry(&self) -> RetrySettings {
        self.settings.retry
    }

    /// Gets `path` (with its query) from the REST API, with retries. A response with one of the
    /// `expected` status codes is returned like a successful one.
    ///
    /// # Errors
    /// The error of the last attempt.
    pub async fn get(
        &self,
        endpoint: &'static str,
        path: &str,
        expected: &[u16],
    ) -> Result<HttpResponse, SourceError> {
        let request = ApiRequest::rest(endpoint, path);
        let attempt = || async {
            let response = self.send(&request).await?;
            if response.status.is_success() || expected.contains(&response.status.as_u16()) {
                Ok(response)
            } else {
                Err(self.failure_of(&request, classify_http_error(&response, self.now())))
            }
        };
        self.settings.retry.run(attempt).await
    }

    /// Parses the body of a REST response as JSON.
    ///
    /// # Errors
    /// If it is truncated or of another shape.
    pub fn parse<T: DeserializeOwned>(&self, path: &str, response: &HttpResponse) -> Result<T, SourceError> {
        serde_json::from_slice(&response.body).map_err(|error| {
            let detail = format!("the response is not the expected JSON: {error}");
            self.error(SourceErrorKind::Malformed, format!("GET {}", without_query(path)), detail)
        })
    }

    /// Sends a request once, as soon as all limits allow it, and returns the response whatever its
    /// status.
    ///
    /// # Errors
    /// Why there is no response.
    pub async fn send(&self, request: &ApiRequest) -> Result<HttpResponse, RequestFailure> {
        let span = self.request_span(request);
        let result = self.send_within_limits(request).instrument(span.clone()).await;
        match &result {
            Ok(response) => {
                let status = response.status.as_u16();
                span.record("http.response.status_code", status);
                // Whether another status is an error depends on the request.
                if status >= 500 || matches!(status, 401 | 403 | 429) {
                    spans::fail(&span, response.status);
                }
            }
            Err(failure) => spans::fail(&span, failure.error()),
        }
        result
    }

    /// The span holds neither query nor headers, because the headers contain the token.
    fn request_span(&self, request: &ApiRequest) -> Span {
        tracing::info_span!(
            "github.request",
            otel.kind = "client",
            org = %self.settings.org,
            endpoint = request.endpoint,
            http.request.method = %request.method,
            purpose = self.priority.as_str(),
            attempt = current_attempt(),
            http.response.status_code = Empty,
            otel.status_code = Empty,
            otel.status_description = Empty,
        )
    }

    async fn send_within_limits(&self, request: &ApiRequest) -> Result<HttpResponse, RequestFailure> {
        let settings = &self.settings;
        let token = self.token(request).await?;
        settings.rate_limiter.set_account(settings.tokens.account(token.as_ref()));
        let permit = self.wait_until_allowed(request).await?;
        // The semaphore is never closed, so that acquiring cannot fail.
        let _in_flight = self.permits.acquire().await.ok();
        // Read again, because it may have been replaced during the wait.
        let token = self.token(request).await?;
        let http_request = HttpRequest {
            method: request.method.clone(),
            path: request.path.clone(),
            headers: self.headers(request, token.as_ref())?,
            body: request.body.clone(),
        };
        let sent = Instant::now();
        let result = settings.transport.send(http_request).await;
        let duration = sent.elapsed();
        let response = match result {
            Ok(response) => response,
            Err(error) => {
                permit.settle(request.cost, None);
                settings.meter.record_request(settings.org.as_str(), request.endpoint, "error", duration);
                return Err(self.transport_failure(request, &error));
            }
        };
        let class = response.status_class();
        settings.meter.record_request(settings.org.as_str(), request.endpoint, class, duration);
        self.record_response(request, &response, sent, permit);
        match token {
            Some(token) if response.status.as_u16() == 401 && settings.tokens.rejected(&token).await => {
                let detail = "the token expired in transit".into();
                let error = self.request_error(request, SourceErrorKind::Unauthorized, detail);
                Err(RequestFailure::Transient(error))
            }
            _ => Ok(response),
        }
    }

    async fn wait_until_allowed(&self, request: &ApiRequest) -> Result<RequestPermit, RequestFailure> {
        let permit_request = PermitRequest {
            org: &self.settings.org,
            resource: request.resource,
            cost: request.cost,
            priority: self.priority,
            cap: self.settings.cap.as_ref(),
        };
        let permit = self.settings.rate_limiter.wait_until_allowed(permit_request).await;
        permit.map_err(|QuotaRefusal { retry_after, reason }| {
            let (reason, seconds) = (reason.describe(request.resource), retry_after.as_secs());
            let detail = format!("{reason}; points are available again in {seconds} s");
            let error = self.request_error(request, SourceErrorKind::RateLimited, detail);
            RequestFailure::Permanent(SourceError { retry_after: Some(retry_after), ..error })
        })
    }

    async fn token(&self, request: &ApiRequest) -> Result<Option<SecretString>, RequestFailure> {
        self.settings.tokens.token().await.map_err(|TokenError { kind, detail }| {
            let error = self.request_error(request, kind, detail);
            if kind == SourceErrorKind::Unavailable {
                RequestFailure::Transient(error)
            } else {
                RequestFailure::Permanent(error)
            }
        })
    }

    fn headers(
        &self,
        request: &ApiRequest,
        token: Option<&SecretString>,
    ) -> Result<HeaderMap, RequestFailure> {
        let mut headers = HeaderMap::new();
        if let Some(token) = token {
            let value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()));
            let mut value = value.map_err(|_| {
                let detail = "the token contains characters that no token has".into();
                RequestFailure::Permanent(self.request_error(request, SourceErrorKind::Unauthorized, detail))
            })?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(headers)
    }
}

// === Responses and failures ===

impl GithubClient {
    /// Turns an error response into a failure. A rate limit makes every request with these
    /// credentials wait.
    pub fn failure_of(&self, request: &ApiRequest, class: ErrorClass) -> RequestFailure {
        let ErrorClass { kind, detail, retry_after, rate_limit } = class;
        if let Some(hit) = rate_limit {
            let wait = self.impose_wait(request, hit);
            let detail = format!("{detail}; no request is sent for {} s", wait.as_secs());
            // The rate limiter delays the retry if the wait is short, and refuses it otherwise.
            return RequestFailure::Transient(self.request_error(request, kind, detail));
        }
        let error = SourceError { retry_after, ..self.request_error(request, kind, detail) };
        match kind {
            SourceErrorKind::Unavailable => RequestFailure::Transient(error),
            _ => RequestFailure::Permanent(error),
        }
    }

    /// Imposes the wait that a rate limit requires; returns its length.
    fn impose_wait(&self, request: &ApiRequest, hit: RateLimitHit) -> Duration {
        match hit {
            RateLimitHit::Primary(pause) => {
                self.settings.rate_limiter.impose_primary_wait(request.resource, pause)
            }
            RateLimitHit::Secondary(retry_after) => {
                self.settings.meter.record_secondary_limit(self.settings.org.as_str());
                self.settings.rate_limiter.impose_secondary_wait(retry_after)
            }
        }
    }

    /// An error that concerns a request.
    pub fn request_error(&self, request: &ApiRequest, kind: SourceErrorKind, detail: String) -> SourceError {
        self.error(kind, request.describe(), detail)
    }

    /// Nothing can be claimed about the state at a time that the server does not name.
    pub fn missing_date_error(&self) -> SourceError {
        let detail = "the responses have no Date header, so it is unknown up to when they are complete; does a proxy remove it?";
        self.error(SourceErrorKind::Malformed, "every request".into(), detail.into())
    }

    /// An error of this organisation's source; `endpoint` is method and path.
    pub fn error(&self, kind: SourceErrorKind, endpoint: String, detail: String) -> SourceError {
        SourceError { kind, org: self.settings.org.clone(), endpoint, detail, retry_after: None }
    }

    fn transport_failure(&self, request: &ApiRequest, error: &TransportError) -> RequestFailure {
        let failure = match error {
            TransportError::TimedOut(_) => RequestFailure::TimedOut,
            TransportError::Failed(_) => RequestFailure::Transient,
        };
        failure(self.request_error(request, SourceErrorKind::Unavailable, error.to_string()))
    }

    /// Records what every response reports besides its content: the time and the rate limit.
    fn record_response(
        &self,
        request: &ApiRequest,
        response: &HttpResponse,
        sent: Instant,
        permit: RequestPermit,
    ) {
        let settings = &self.settings;
        if let Some(date) = response.date() {
            settings.clock.observe(date, sent, Instant::now());
        }
        let headers = response.rate_limit();
        let status = headers.and_then(|headers| {
            let reset = Timestamp::from_unix(headers.reset);
            Some(RateLimitStatus { limit: headers.limit?, remaining: headers.remaining, reset })
        });
        permit.settle(request.cost, status);
        if response.status.is_success() {
            settings.rate_limiter.record_success();
        }
        let org = settings.org.as_str();
        if let Some(headers) = headers {
            settings.meter.record_rate_limit(org, &settings.tokens.name(), headers);
        }
        let budget = settings.rate_limiter.budget(request.resource);
        settings.meter.record_budget(org, request.resource, budget);
    }
}
