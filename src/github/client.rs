//! One organisation's way to GitHub: authentication, limits of time and size, retries, the clock and the meter.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use github_stats_actors::activity::{OrgName, Timestamp};
use github_stats_actors::clock::Clock;
use github_stats_actors::scheduler::{SourceError, SourceErrorKind};
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use http_body_util::{BodyExt, Limited};
use octocrab::Octocrab;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::answer::Answer;
use super::classify::{Verdict, classify};
use super::meter::RequestMeter;

/// The largest answer that is read; beyond it the answer counts as malformed.
const BODY_LIMIT: usize = 32 * 1024 * 1024;

/// A pause this short is waited for by the request itself.
const SHORT_HOLD: Duration = Duration::from_secs(90);

/// Gives the token of the moment, or why there is none; `Ok(None)` asks anonymously.
pub type TokenSource = Arc<dyn Fn() -> Result<Option<SecretString>, String> + Send + Sync>;

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
}

/// What a client is made of.
#[derive(Clone)]
pub struct ClientSettings {
    /// For whom it asks; in errors and metrics.
    pub org: OrgName,
    /// Where the API is, with its path: `https://api.github.com`, `https://ghe.example/api/v3`.
    pub base_url: String,
    /// The token.
    pub token: TokenSource,
    /// How long one request may take, its body included.
    pub request_timeout: Duration,
    /// How many requests may be under way at once.
    pub concurrency: usize,
    /// How often it is tried again.
    pub retry: RetrySettings,
    /// Learns from every `Date`.
    pub clock: Arc<Clock>,
    /// Who counts.
    pub meter: Arc<dyn RequestMeter>,
}

/// Why no client could be made.
#[derive(Debug, thiserror::Error)]
#[error("github.api_base_url \"{url}\" cannot be used: {reason}")]
pub struct BuildError {
    url: String,
    reason: String,
}

/// Asks GitHub. Cheap to clone; clones share limits.
#[derive(Clone)]
pub struct Client {
    octocrab: Octocrab,
    settings: Arc<ClientSettings>,
    permits: Arc<Semaphore>,
    hold: Arc<Mutex<Option<Hold>>>,
}

/// GitHub asked to be left alone.
#[derive(Clone)]
struct Hold {
    until: Instant,
    /// A short pause is waited for; that for new quota is too long, and is told to whoever asks.
    wait: bool,
    error: SourceError,
}

impl Client {
    /// A client; nothing is asked yet.
    ///
    /// # Errors
    /// When the base URL is none, or no TLS can be set up. Needs a tokio runtime.
    pub fn new(settings: ClientSettings) -> Result<Self, BuildError> {
        let failed = |reason: String| BuildError { url: settings.base_url.clone(), reason };
        let octocrab = Octocrab::builder()
            .base_uri(settings.base_url.as_str())
            .map_err(|error| failed(error.to_string()))?
            .set_connect_timeout(Some(settings.request_timeout))
            .set_read_timeout(Some(settings.request_timeout))
            .set_write_timeout(Some(settings.request_timeout))
            .build()
            .map_err(|error| failed(error.to_string()))?;
        let permits = Arc::new(Semaphore::new(settings.concurrency.max(1)));
        Ok(Client { octocrab, settings: Arc::new(settings), permits, hold: Arc::default() })
    }

    /// For whom it asks.
    pub fn org(&self) -> &OrgName {
        &self.settings.org
    }

    /// Asks for `path` (with its query) until there is an answer that is no transient failure; a success, or one of
    /// the `expected` codes, is returned.
    ///
    /// # Errors
    /// What went wrong the last time.
    pub async fn get(
        &self,
        endpoint: &'static str,
        path: &str,
        expected: &[u16],
    ) -> Result<Answer, SourceError> {
        let mut pauses = self.pauses();
        loop {
            let error = match self.attempt(endpoint, path).await {
                Ok(answer) if answer.status.is_success() || expected.contains(&answer.status.as_u16()) => {
                    return Ok(answer);
                }
                Ok(answer) => self.refused(path, &answer),
                Err(error) => error,
            };
            let worth_it = error.kind == SourceErrorKind::Unavailable || self.holds_briefly();
            match pauses.next().filter(|_| worth_it) {
                Some(pause) => {
                    tracing::debug!(%error, ?pause, "asking GitHub again");
                    tokio::time::sleep(pause).await;
                }
                None => return Err(error),
            }
        }
    }

    /// Reads a body as JSON.
    ///
    /// # Errors
    /// When it is cut short or of another shape.
    pub fn parse<T: DeserializeOwned>(&self, path: &str, answer: &Answer) -> Result<T, SourceError> {
        serde_json::from_slice(&answer.body).map_err(|error| {
            let detail = format!("the answer is not the JSON that was expected: {error}");
            self.error(SourceErrorKind::Malformed, path, detail, None)
        })
    }

    async fn attempt(&self, endpoint: &'static str, path: &str) -> Result<Answer, SourceError> {
        self.respect_hold().await?;
        let headers = self.headers(path)?;
        let _permit = self.permits.acquire().await.map_err(|_| {
            self.error(SourceErrorKind::Unavailable, path, "the client is shutting down".into(), None)
        })?;
        let asked = Instant::now();
        let exchange = tokio::time::timeout(self.settings.request_timeout, self.exchange(path, headers));
        let outcome = exchange.await.unwrap_or_else(|_| {
            Err(format!("no complete answer within {} s", self.settings.request_timeout.as_secs_f64()))
        });
        let (org, took) = (self.settings.org.as_str(), asked.elapsed());
        match outcome {
            Ok(answer) => {
                self.settings.meter.request(org, endpoint, answer.status_class(), took);
                self.learn(&answer, asked);
                Ok(answer)
            }
            Err(reason) => {
                self.settings.meter.request(org, endpoint, "error", took);
                Err(self.error(SourceErrorKind::Unavailable, path, reason, None))
            }
        }
    }

    async fn exchange(&self, path: &str, headers: HeaderMap) -> Result<Answer, String> {
        let response =
            self.octocrab._get_with_headers(path, Some(headers)).await.map_err(|error| causes(&error))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, BODY_LIMIT).collect().await.map_err(|error| causes(error.as_ref()))?;
        Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() })
    }

    fn headers(&self, path: &str) -> Result<HeaderMap, SourceError> {
        let mut headers = HeaderMap::new();
        headers.insert("accept", HeaderValue::from_static("application/vnd.github+json"));
        headers.insert("x-github-api-version", HeaderValue::from_static("2022-11-28"));
        let unusable = |reason: String| self.error(SourceErrorKind::Unauthorized, path, reason, None);
        if let Some(token) = (self.settings.token)().map_err(unusable)? {
            let value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()));
            let mut value =
                value.map_err(|_| unusable("the token contains characters no token has".into()))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(headers)
    }

    fn learn(&self, answer: &Answer, asked: Instant) {
        if let Some(date) = answer.date() {
            self.settings.clock.observe(date, asked, Instant::now());
        }
        if let Some(limit) = answer.rate_limit() {
            self.settings.meter.rate_limit(self.settings.org.as_str(), limit);
        }
    }

    fn refused(&self, path: &str, answer: &Answer) -> SourceError {
        let now: Timestamp = self.settings.clock.now();
        let Verdict { kind, detail, retry_after, secondary } = classify(answer, now);
        let error = self.error(kind, path, detail, retry_after);
        if secondary {
            self.settings.meter.secondary_limit(self.settings.org.as_str());
        }
        if let Some(pause) = retry_after {
            let wait = secondary || pause <= SHORT_HOLD;
            let hold = Hold { until: Instant::now() + pause, wait, error: error.clone() };
            *self.hold.lock().unwrap_or_else(PoisonError::into_inner) = Some(hold);
        }
        error
    }

    /// Sends nothing while GitHub wants to be left alone. Dropping the future ends the wait at once.
    async fn respect_hold(&self) -> Result<(), SourceError> {
        loop {
            let hold = self.hold.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let Some(hold) = hold.filter(|hold| Instant::now() < hold.until) else { return Ok(()) };
            if !hold.wait {
                let left = hold.until.saturating_duration_since(Instant::now());
                return Err(SourceError { retry_after: Some(left), ..hold.error });
            }
            tokio::time::sleep_until(hold.until).await;
        }
    }

    /// Whether the next attempt will only have to wait a little.
    fn holds_briefly(&self) -> bool {
        self.hold.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_some_and(|hold| hold.wait)
    }

    fn error(
        &self,
        kind: SourceErrorKind,
        path: &str,
        detail: String,
        retry_after: Option<Duration>,
    ) -> SourceError {
        let endpoint = format!("GET {}", path.split('?').next().unwrap_or(path));
        SourceError { kind, org: self.settings.org.clone(), endpoint, detail, retry_after }
    }

    fn pauses(&self) -> impl Iterator<Item = Duration> {
        let retry = self.settings.retry;
        let builder = ExponentialBuilder::default()
            .with_min_delay(retry.initial_backoff)
            .with_max_delay(retry.max_backoff)
            .with_max_times(retry.max_attempts.saturating_sub(1));
        if retry.jitter { builder.with_jitter().build() } else { builder.build() }
    }
}

/// An error and everything that caused it, in one line; library errors often hide the reason at the end of the chain.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let said = error.to_string();
        if !said.is_empty() && !text.contains(&said) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&said);
        }
        next = error.source();
    }
    text
}
