//! GraphQL requests of one poll, with retries.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use github_stats_actors::activity::Timestamp;
use github_stats_actors::source::{SourceError, SourceErrorKind};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::batch_size::BatchSize;
use super::classify::classify_graphql_errors;
use super::queries::QueryTemplate;
use super::response::{GraphqlError, ResponseEnvelope};
use crate::github::api_request::{ApiRequest, RequestFailure};
use crate::github::classify::classify_http_error;
use crate::github::client::GithubClient;
use crate::github::http_response::HttpResponse;

/// How often a page with missing parts is requested.
const PARTIAL_ATTEMPTS: usize = 3;

/// A GraphQL response with data.
#[derive(Debug)]
pub struct GraphqlResponse<T> {
    /// The data, parts of which may be null.
    pub data: T,
    /// Why parts are null.
    pub errors: Vec<GraphqlError>,
}

/// Why there is no response with data.
#[derive(Debug)]
pub enum GraphqlFailure {
    /// The query asked for too much at once.
    TooHeavy(SourceError),
    Failed(SourceError),
}

/// The result of one attempt that needs no retry.
enum Attempt<T> {
    Response(GraphqlResponse<T>),
    /// A smaller query may succeed, the same one will not.
    TooHeavy(SourceError),
}

/// A query with its variables.
#[derive(Debug)]
pub struct GraphqlRequest {
    pub query: QueryTemplate,
    pub variables: Value,
    /// The connections that GitHub counts for it, as if every list were full.
    pub connections: usize,
    /// Whether a smaller query can be made if this one is too heavy.
    pub can_shrink: bool,
}

/// The points that GitHub charges for so many connections.
pub fn points(connections: usize) -> u64 {
    u64::try_from((connections + 50) / 100).unwrap_or(u64::MAX).max(1)
}

/// A series of requests that together observe one state of the organisation.
pub struct GraphqlSession {
    pub client: GithubClient,
    /// The earliest `Date` of its responses.
    observed_at: Mutex<Option<Timestamp>>,
}

impl GraphqlSession {
    /// A session without a response yet.
    pub fn new(client: GithubClient) -> Self {
        GraphqlSession { client, observed_at: Mutex::default() }
    }

    /// The `Date` of the first response: the session claims nothing about what happened later.
    pub fn observed_at(&self) -> Option<Timestamp> {
        *self.observed_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record_date(&self, date: Option<Timestamp>) {
        let Some(date) = date else { return };
        let mut first = self.observed_at.lock().unwrap_or_else(PoisonError::into_inner);
        *first = Some(first.map_or(date, |first| first.min(date)));
    }

    /// Sends a query, with retries, until there is a response with data, parts of which may be
    /// missing.
    pub async fn execute<T: DeserializeOwned>(
        &self,
        query: &GraphqlRequest,
    ) -> Result<GraphqlResponse<T>, GraphqlFailure> {
        let body = json!({ "query": query.query.text, "variables": query.variables });
        let path = self.client.graphql_path();
        let body = Bytes::from(body.to_string());
        let request = ApiRequest::graphql(query.query.name, path, body, points(query.connections));
        let attempt = || async {
            match self.client.send(&request).await {
                Ok(response) => {
                    self.record_date(response.date());
                    self.interpret(&request, query, &response)
                }
                Err(RequestFailure::TimedOut(error)) if query.can_shrink => Ok(Attempt::TooHeavy(error)),
                Err(failure) => Err(failure),
            }
        };
        match self.client.retry().run(attempt).await {
            Ok(Attempt::Response(response)) => Ok(response),
            Ok(Attempt::TooHeavy(error)) => Err(GraphqlFailure::TooHeavy(error)),
            Err(error) => Err(GraphqlFailure::Failed(error)),
        }
    }

    /// Requests a page, in a smaller size if need be, until only parts are missing that the
    /// credentials may not see.
    ///
    /// # Errors
    /// The error of the last attempt.
    pub async fn fetch_page<T: DeserializeOwned>(
        &self,
        batch_size: &BatchSize,
        query: impl Fn(usize) -> GraphqlRequest,
    ) -> Result<T, SourceError> {
        let mut last_error = None;
        let mut attempts = 0;
        while attempts < PARTIAL_ATTEMPTS {
            match self.execute::<T>(&query(batch_size.page())).await {
                Ok(response) => {
                    batch_size.record_success();
                    let Some(error) = response.errors.iter().find(|error| !error.is_hidden()) else {
                        return Ok(response.data);
                    };
                    last_error = Some(self.partial_error(&query(1), error));
                    attempts += 1;
                }
                Err(GraphqlFailure::TooHeavy(error)) => {
                    if !batch_size.shrink() {
                        attempts += 1;
                    }
                    last_error = Some(error);
                }
                Err(GraphqlFailure::Failed(error)) => return Err(error),
            }
            tokio::time::sleep(self.client.retry().first_pause()).await;
        }
        Err(last_error.unwrap_or_else(|| self.no_response_error()))
    }

    /// Decides what a response means: data, a query that was too heavy, or a failure.
    fn interpret<T: DeserializeOwned>(
        &self,
        request: &ApiRequest,
        query: &GraphqlRequest,
        response: &HttpResponse,
    ) -> Result<Attempt<T>, RequestFailure> {
        let status = response.status.as_u16();
        if matches!(status, 502 | 504) && query.can_shrink {
            let detail = format!("GitHub responded with {status}: the query took too long");
            return Ok(Attempt::TooHeavy(self.unavailable(request, detail)));
        }
        if matches!(status, 404 | 405 | 410) {
            return Err(self.no_graphql_api(request, status));
        }
        if !response.status.is_success() {
            let class = classify_http_error(response, self.client.now());
            return Err(self.client.failure_of(request, class));
        }
        let envelope: ResponseEnvelope =
            serde_json::from_slice(&response.body).map_err(|error| self.malformed(request, &error))?;
        log_unexpected_cost(request, &envelope);
        if let Some(class) = classify_graphql_errors(&envelope.errors, response, self.client.now()) {
            return Err(self.client.failure_of(request, class));
        }
        if let Some(error) = envelope.errors.iter().find(|error| error.is_too_heavy()) {
            let error = self.unavailable(request, error.describe());
            return if query.can_shrink {
                Ok(Attempt::TooHeavy(error))
            } else {
                Err(RequestFailure::Transient(error))
            };
        }
        self.data(request, envelope)
    }

    fn data<T: DeserializeOwned>(
        &self,
        request: &ApiRequest,
        envelope: ResponseEnvelope,
    ) -> Result<Attempt<T>, RequestFailure> {
        let ResponseEnvelope { data, errors } = envelope;
        match (data.filter(|data| !data.is_null()), errors.first()) {
            (Some(data), _) => {
                let data = serde_json::from_value(data).map_err(|error| self.malformed(request, &error))?;
                Ok(Attempt::Response(GraphqlResponse { data, errors }))
            }
            (None, Some(error)) => {
                let failed = self.client.request_error(request, error.source_kind(), error.describe());
                Err(if error.is_internal() {
                    RequestFailure::Transient(failed)
                } else {
                    RequestFailure::Permanent(failed)
                })
            }
            (None, None) => {
                let detail = "the response contains neither data nor errors".into();
                let error = self.client.request_error(request, SourceErrorKind::Malformed, detail);
                Err(RequestFailure::Transient(error))
            }
        }
    }
}

// === Errors ===

impl GraphqlSession {
    /// The error of a response part of which is missing.
    pub fn partial_error(&self, query: &GraphqlRequest, error: &GraphqlError) -> SourceError {
        let endpoint = format!("POST {} {}", self.client.graphql_path(), query.query.name);
        self.client.error(error.source_kind(), endpoint, error.describe())
    }

    /// An error that no response of GitHub reported.
    pub fn error(&self, kind: SourceErrorKind, detail: String) -> SourceError {
        self.client.error(kind, format!("POST {}", self.client.graphql_path()), detail)
    }

    /// The error of something that was requested but not returned.
    pub fn no_response_error(&self) -> SourceError {
        self.error(SourceErrorKind::Malformed, "no response".into())
    }

    fn unavailable(&self, request: &ApiRequest, detail: String) -> SourceError {
        self.client.request_error(request, SourceErrorKind::Unavailable, detail)
    }

    fn malformed(&self, request: &ApiRequest, error: &serde_json::Error) -> RequestFailure {
        let detail = format!("the response is not the expected JSON: {error}");
        RequestFailure::Transient(self.client.request_error(request, SourceErrorKind::Malformed, detail))
    }

    fn no_graphql_api(&self, request: &ApiRequest, status: u16) -> RequestFailure {
        let detail = format!(
            "this server has no GraphQL API (it responded with {status}); set github.api to rest, or to auto, which detects it"
        );
        RequestFailure::Permanent(self.client.request_error(request, SourceErrorKind::Unsupported, detail))
    }
}

fn log_unexpected_cost(request: &ApiRequest, envelope: &ResponseEnvelope) {
    if let Some(cost) = envelope.cost()
        && cost > request.cost
    {
        tracing::debug!(
            query = request.endpoint,
            cost,
            expected = request.cost,
            "a query cost more than expected"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_connections_cost_a_point_and_every_query_at_least_one() {
        assert_eq!([0, 1, 149, 150, 249, 250].map(points), [1, 1, 1, 2, 2, 3]);
    }
}
