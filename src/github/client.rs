//! One organisation's way to GitHub: credentials, quota, limits of time and size, retries, the clock and the meter.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::Bytes;
use github_stats_actors::activity::{OrgName, Timestamp};
use github_stats_actors::clock::Clock;
use github_stats_actors::source::{RequestPriority, SourceError, SourceErrorKind};
use github_stats_actors::spans;
use http::Method;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use rand::RngExt;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::auth::{TokenError, TokenSource};
use super::classify::{ErrorClass, LimitHit, classify};
use super::meter::RequestMeter;
use super::quota::{
    ApiResource, HourlyCap, QuotaRefusal, RateLimitStatus, RateLimiter, RequestCost, RequestPermit,
};
use super::rest_response::RestResponse;
use super::transport::{HttpTransport, TransportError, WireRequest};

tokio::task_local! {
    /// Which attempt it is that asks, from 1.
    static ATTEMPT: u64;
}

/// How often and how patiently a request is tried again.
#[derive(Clone, Copy, Debug)]
pub struct RetrySettings {
    /// How often it is tried in all.
    pub max_attempts: usize,
    /// The first pause.
    pub initial_backoff: Duration,
    /// The longest pause.
    pub max_backoff: Duration,
    /// Whether pauses are spread at random, so that many replicas do not come back at once.
    pub jitter: bool,
    /// How long after its start a request is not tried again any more.
    pub deadline: Duration,
}

/// What a client is made of.
#[derive(Clone)]
pub struct ClientSettings {
    /// For whom it asks; in errors and metrics.
    pub org: OrgName,
    /// The way to the server.
    pub wire: HttpTransport,
    /// Where tokens come from.
    pub tokens: Arc<dyn TokenSource>,
    /// The limits of these credentials.
    pub room: Arc<RateLimiter>,
    /// What this organisation may spend of them.
    pub cap: Option<Arc<Mutex<HourlyCap>>>,
    /// How many requests may be under way at once.
    pub concurrency: usize,
    /// How often it is tried again.
    pub retry: RetrySettings,
    /// Learns from every `Date`.
    pub clock: Arc<Clock>,
    /// Who counts.
    pub meter: Arc<dyn RequestMeter>,
}

/// Asks GitHub. Cheap to clone; clones share limits.
#[derive(Clone)]
pub struct GithubClient {
    settings: Arc<ClientSettings>,
    permits: Arc<Semaphore>,
    purpose: RequestPriority,
}

/// A question, and what is known of it before it is asked.
#[derive(Clone, Debug)]
pub struct ApiRequest {
    /// Its name in metrics: a pattern, never a path.
    pub endpoint: &'static str,
    /// `GET` or `POST`.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// JSON, or nothing.
    pub body: Bytes,
    /// Which limit it counts towards.
    pub resource: ApiResource,
    /// Points it will cost.
    pub cost: u64,
}

/// What came of a question instead of an answer.
#[derive(Debug)]
pub enum RequestFailure {
    /// Trying again may help.
    Again(SourceError),
    /// The answer took too long; asking for less may help.
    TimedOut(SourceError),
    /// Trying again does not help.
    Failed(SourceError),
}

impl GithubClient {
    /// A client; nothing is asked yet.
    pub fn new(settings: ClientSettings) -> Self {
        let permits = Arc::new(Semaphore::new(settings.concurrency.max(1)));
        GithubClient { settings: Arc::new(settings), permits, purpose: RequestPriority::Live }
    }

    /// The same client, asking for another purpose.
    pub fn for_purpose(&self, purpose: RequestPriority) -> Self {
        GithubClient { purpose, ..self.clone() }
    }

    /// For whom it asks.
    pub fn org(&self) -> &OrgName {
        &self.settings.org
    }

    /// GitHub's time now.
    pub fn now(&self) -> Timestamp {
        self.settings.clock.now()
    }

    /// The path of the GraphQL API.
    pub fn graphql_path(&self) -> &str {
        self.settings.wire.graphql_path()
    }

    /// Asks the REST API for `path` (with its query) until there is an answer that is no transient failure; a success,
    /// or one of the `expected` codes, is returned.
    ///
    /// # Errors
    /// What went wrong the last time.
    pub async fn get(
        &self,
        endpoint: &'static str,
        path: &str,
        expected: &[u16],
    ) -> Result<RestResponse, SourceError> {
        let ask = ApiRequest {
            endpoint,
            method: Method::GET,
            path: path.to_owned(),
            body: Bytes::new(),
            resource: ApiResource::Core,
            cost: 1,
        };
        self.persistently(|| async {
            match self.exchange(&ask).await {
                Ok(answer) if answer.status.is_success() || expected.contains(&answer.status.as_u16()) => {
                    Ok(answer)
                }
                Ok(answer) => Err(self.judged(&ask, classify(&answer, self.now()))),
                Err(trouble) => Err(trouble),
            }
        })
        .await
    }

    /// How long to wait before something smaller is asked for.
    pub fn breath(&self) -> Duration {
        self.jittered(self.settings.retry.initial_backoff)
    }

    /// Tries until something comes of it, with pauses that grow, as often and as long as configured.
    ///
    /// # Errors
    /// What went wrong the last time.
    pub async fn persistently<T, F>(&self, mut attempt: impl FnMut() -> F) -> Result<T, SourceError>
    where
        F: Future<Output = Result<T, RequestFailure>>,
    {
        let started = Instant::now();
        let mut pauses = self.pauses();
        let mut number = 0;
        loop {
            number += 1;
            let error = match ATTEMPT.scope(number, attempt()).await {
                Ok(done) => return Ok(done),
                Err(RequestFailure::Failed(error)) => return Err(error),
                Err(RequestFailure::Again(error) | RequestFailure::TimedOut(error)) => error,
            };
            let Some(pause) = pauses.next() else { return Err(error) };
            let pause = error.retry_after.unwrap_or_default().max(self.jittered(pause));
            if started.elapsed() + pause > self.settings.retry.deadline {
                return Err(error);
            }
            tracing::debug!(%error, ?pause, "asking GitHub again");
            tokio::time::sleep(pause).await;
        }
    }

    /// Reads a body as JSON.
    ///
    /// # Errors
    /// When it is cut short or of another shape.
    pub fn parse<T: DeserializeOwned>(&self, path: &str, answer: &RestResponse) -> Result<T, SourceError> {
        serde_json::from_slice(&answer.body).map_err(|error| {
            let detail = format!("the answer is not the JSON that was expected: {error}");
            self.error(SourceErrorKind::Malformed, &format!("GET {}", without_query(path)), detail, None)
        })
    }

    /// Sends a question once, within all limits.
    ///
    /// # Errors
    /// What came of it instead of an answer.
    pub async fn exchange(&self, ask: &ApiRequest) -> Result<RestResponse, RequestFailure> {
        let span = self.request_span(ask);
        let outcome = self.exchange_once(ask).instrument(span.clone()).await;
        match &outcome {
            Ok(answer) => {
                let status = answer.status.as_u16();
                span.record("http.response.status_code", status);
                // Of the rest it depends on the question whether it is an error.
                if status >= 500 || matches!(status, 401 | 403 | 429) {
                    spans::fail(&span, answer.status);
                }
            }
            Err(
                RequestFailure::Again(error)
                | RequestFailure::TimedOut(error)
                | RequestFailure::Failed(error),
            ) => {
                spans::fail(&span, error);
            }
        }
        outcome
    }

    /// Neither the query nor the headers are told: a token is among them.
    fn request_span(&self, ask: &ApiRequest) -> Span {
        tracing::info_span!(
            "github.request",
            otel.kind = "client",
            org = %self.settings.org,
            endpoint = ask.endpoint,
            http.request.method = %ask.method,
            purpose = self.purpose.as_str(),
            attempt = ATTEMPT.try_with(|attempt| *attempt).unwrap_or(1),
            http.response.status_code = Empty,
            otel.status_code = Empty,
            otel.status_description = Empty,
        )
    }

    async fn exchange_once(&self, ask: &ApiRequest) -> Result<RestResponse, RequestFailure> {
        self.settings.room.serve(self.settings.tokens.account(self.token(ask).await?.as_ref()));
        let admission = self.admit(ask).await?;
        // Never closed.
        let _permit = self.permits.acquire().await.ok();
        // Read again: it may have been replaced meanwhile.
        let token = self.token(ask).await?;
        let parcel = WireRequest {
            method: ask.method.clone(),
            path: ask.path.clone(),
            headers: self.headers(ask, token.as_ref())?,
            body: ask.body.clone(),
        };
        let asked = Instant::now();
        let outcome = self.settings.wire.send(parcel).await;
        let (org, took) = (self.settings.org.as_str(), asked.elapsed());
        let answer = match outcome {
            Ok(answer) => answer,
            Err(error) => {
                admission.settle(ask.cost, None);
                self.settings.meter.request(org, ask.endpoint, "error", took);
                let timed_out = matches!(error, TransportError::TimedOut(_));
                let error = self.error_of(ask, SourceErrorKind::Unavailable, error.to_string());
                return Err(if timed_out {
                    RequestFailure::TimedOut(error)
                } else {
                    RequestFailure::Again(error)
                });
            }
        };
        self.settings.meter.request(org, ask.endpoint, answer.status_class(), took);
        self.learn(ask, &answer, asked, admission);
        match token {
            Some(token) if answer.status.as_u16() == 401 && self.settings.tokens.rejected(&token).await => {
                let detail = "the token expired on its way".into();
                Err(RequestFailure::Again(self.error_of(ask, SourceErrorKind::Unauthorized, detail)))
            }
            _ => Ok(answer),
        }
    }

    /// Takes a verdict to heart: limits hold everybody with these credentials.
    pub fn judged(&self, ask: &ApiRequest, verdict: ErrorClass) -> RequestFailure {
        let ErrorClass { kind, detail, retry_after, limit } = verdict;
        let Some(limit) = limit else {
            let error = SourceError { retry_after, ..self.error_of(ask, kind, detail) };
            return match kind {
                SourceErrorKind::Unavailable => RequestFailure::Again(error),
                _ => RequestFailure::Failed(error),
            };
        };
        let pause = match limit {
            LimitHit::Primary(pause) => self.settings.room.hold_primary(ask.resource, pause),
            LimitHit::Secondary(named) => {
                self.settings.meter.secondary_limit(self.settings.org.as_str());
                self.settings.room.hold_secondary(named)
            }
        };
        let detail = format!("{detail}; nothing is asked for {} s", pause.as_secs());
        // The room itself waits where the wait is short, and refuses where it is not.
        RequestFailure::Again(self.error_of(ask, kind, detail))
    }

    /// An error about a question.
    pub fn error_of(&self, ask: &ApiRequest, kind: SourceErrorKind, detail: String) -> SourceError {
        self.error(kind, &format!("{} {}", ask.method, without_query(&ask.path)), detail, None)
    }

    async fn admit(&self, ask: &ApiRequest) -> Result<RequestPermit, RequestFailure> {
        let room = &self.settings.room;
        let demand = RequestCost {
            org: &self.settings.org,
            resource: ask.resource,
            cost: ask.cost,
            purpose: self.purpose,
            cap: self.settings.cap.as_ref(),
        };
        room.admit(demand).await.map_err(|QuotaRefusal { retry_after, reason }| {
            let seconds = retry_after.as_secs();
            let detail = format!("{}; there is more in {seconds} s", reason.sentence(ask.resource));
            let error = self.error_of(ask, SourceErrorKind::RateLimited, detail);
            RequestFailure::Failed(SourceError { retry_after: Some(retry_after), ..error })
        })
    }

    async fn token(&self, ask: &ApiRequest) -> Result<Option<SecretString>, RequestFailure> {
        self.settings.tokens.token().await.map_err(|TokenError { kind, detail }| {
            let error = self.error_of(ask, kind, detail);
            if kind == SourceErrorKind::Unavailable {
                RequestFailure::Again(error)
            } else {
                RequestFailure::Failed(error)
            }
        })
    }

    fn headers(&self, ask: &ApiRequest, token: Option<&SecretString>) -> Result<HeaderMap, RequestFailure> {
        let mut headers = HeaderMap::new();
        if let Some(token) = token {
            let value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()));
            let mut value = value.map_err(|_| {
                let detail = "the token contains characters no token has".into();
                RequestFailure::Failed(self.error_of(ask, SourceErrorKind::Unauthorized, detail))
            })?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(headers)
    }

    fn learn(&self, ask: &ApiRequest, answer: &RestResponse, asked: Instant, admission: RequestPermit) {
        let settings = &self.settings;
        if let Some(date) = answer.date() {
            settings.clock.observe(date, asked, Instant::now());
        }
        let limit = answer.rate_limit();
        let told = limit.and_then(|limit| {
            let reset = Timestamp::from_unix(limit.reset);
            Some(RateLimitStatus { limit: limit.limit?, remaining: limit.remaining, reset })
        });
        admission.settle(ask.cost, told);
        if answer.status.is_success() {
            settings.room.answered();
        }
        let org = settings.org.as_str();
        if let Some(limit) = limit {
            settings.meter.rate_limit(org, &settings.tokens.name(), limit);
        }
        settings.meter.budget(org, ask.resource, settings.room.budget(ask.resource));
    }

    fn error(
        &self,
        kind: SourceErrorKind,
        endpoint: &str,
        detail: String,
        retry_after: Option<Duration>,
    ) -> SourceError {
        let (org, endpoint) = (self.settings.org.clone(), endpoint.to_owned());
        SourceError { kind, org, endpoint, detail, retry_after }
    }

    fn pauses(&self) -> impl Iterator<Item = Duration> + use<> {
        let retry = self.settings.retry;
        ExponentialBuilder::default()
            .with_min_delay(retry.initial_backoff)
            .with_max_delay(retry.max_backoff)
            .with_max_times(retry.max_attempts.saturating_sub(1))
            .build()
    }

    /// Full jitter: anything between nothing and the pause, so that many who failed together do not come back together.
    fn jittered(&self, pause: Duration) -> Duration {
        if self.settings.retry.jitter { pause.mul_f64(rand::rng().random_range(0.0..=1.0)) } else { pause }
    }
}

fn without_query(path: &str) -> &str {
    path.split('?').next().unwrap_or(path)
}
