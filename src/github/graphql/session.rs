//! One question to the GraphQL API, asked until there is an answer or reason to give up.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use github_stats_actors::activity::Timestamp;
use github_stats_actors::source::{SourceError, SourceErrorKind};
use http::Method;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::batch_size::BatchSize;
use super::queries::QueryTemplate;
use super::response::{GraphqlError, ResponseEnvelope};
use crate::github::classify::{classify, is_secondary, primary, retry_after, secondary};
use crate::github::client::{ApiRequest, GithubClient, RequestFailure};
use crate::github::quota::ApiResource;
use crate::github::rest_response::RestResponse;

/// How often a page is asked for again of which parts are missing.
const PARTIAL_ATTEMPTS: usize = 3;

/// What GitHub answered.
#[derive(Debug)]
pub struct GraphqlResponse<T> {
    /// What could be had.
    pub data: T,
    /// What could not.
    pub errors: Vec<GraphqlError>,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum GraphqlRefusal {
    /// It was too much to ask for at once.
    TooHeavy(SourceError),
    /// Anything else.
    Failed(SourceError),
}

/// A question.
#[derive(Debug)]
pub struct GraphqlRequest {
    /// What is asked.
    pub query: QueryTemplate,
    /// Its variables.
    pub variables: Value,
    /// Lists that have to be read to answer it, if every one were full.
    pub lists: usize,
    /// Whether less can be asked for should this be too much.
    pub can_shrink: bool,
}

/// The points that so many lists cost.
pub fn points(lists: usize) -> u64 {
    u64::try_from((lists + 50) / 100).unwrap_or(u64::MAX).max(1)
}

/// One look at GitHub, of many questions.
pub struct GraphqlSession {
    /// The way to GitHub.
    pub client: GithubClient,
    /// The earliest `Date` of its answers.
    observed_at: Mutex<Option<Timestamp>>,
}

impl GraphqlSession {
    /// A look that begins now.
    pub fn new(client: GithubClient) -> Self {
        GraphqlSession { client, observed_at: Mutex::default() }
    }

    /// The `Date` of the first answer: nothing is claimed about what happened later.
    pub fn observed_at(&self) -> Option<Timestamp> {
        *self.observed_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn observe(&self, date: Option<Timestamp>) {
        let Some(date) = date else { return };
        let mut first = self.observed_at.lock().unwrap_or_else(PoisonError::into_inner);
        *first = Some(first.map_or(date, |first| first.min(date)));
    }

    /// Asks a question until there is an answer, which may lack parts.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        question: &GraphqlRequest,
    ) -> Result<GraphqlResponse<T>, GraphqlRefusal> {
        let body = json!({ "query": question.query.text, "variables": question.variables });
        let ask = ApiRequest {
            endpoint: question.query.name,
            method: Method::POST,
            path: self.client.graphql_path().to_owned(),
            body: Bytes::from(body.to_string()),
            resource: ApiResource::Graphql,
            cost: points(question.lists),
        };
        let attempt = || async {
            match self.client.exchange(&ask).await {
                Ok(answer) => {
                    self.observe(answer.date());
                    self.judge(&ask, question, &answer)
                }
                Err(RequestFailure::TimedOut(error)) if question.can_shrink => Ok(Err(error)),
                Err(trouble) => Err(trouble),
            }
        };
        match self.client.persistently(attempt).await {
            Ok(Ok(told)) => Ok(told),
            Ok(Err(error)) => Err(GraphqlRefusal::TooHeavy(error)),
            Err(error) => Err(GraphqlRefusal::Failed(error)),
        }
    }

    /// Asks for a page, smaller ones if need be, until nothing is missing in it that could be had. `take` is given what
    /// there is of every attempt.
    ///
    /// # Errors
    /// What went wrong the last time.
    pub async fn page<T: DeserializeOwned>(
        &self,
        load: &BatchSize,
        question: impl Fn(usize) -> GraphqlRequest,
        mut take: impl FnMut(&mut T),
    ) -> Result<GraphqlResponse<T>, SourceError> {
        let mut missing = None;
        let mut attempts = 0;
        while attempts < PARTIAL_ATTEMPTS {
            match self.ask::<T>(&question(load.page())).await {
                Ok(mut told) => {
                    load.succeeded();
                    take(&mut told.data);
                    let Some(error) = told.errors.iter().find(|error| !error.is_hidden()) else {
                        return Ok(told);
                    };
                    missing = Some(self.error(&question(1), error));
                    attempts += 1;
                }
                Err(GraphqlRefusal::TooHeavy(error)) => {
                    if !load.shrink() {
                        attempts += 1;
                    }
                    missing = Some(error);
                }
                Err(GraphqlRefusal::Failed(error)) => return Err(error),
            }
            tokio::time::sleep(self.client.breath()).await;
        }
        Err(missing.unwrap_or_else(|| self.failure(SourceErrorKind::Malformed, "no answer".into())))
    }

    fn judge<T: DeserializeOwned>(
        &self,
        ask: &ApiRequest,
        question: &GraphqlRequest,
        answer: &RestResponse,
    ) -> Result<Result<GraphqlResponse<T>, SourceError>, RequestFailure> {
        if matches!(answer.status.as_u16(), 502 | 504) && question.can_shrink {
            let detail = format!("GitHub answers {}: it took too long", answer.status.as_u16());
            return Ok(Err(self.client.error_of(ask, SourceErrorKind::Unavailable, detail)));
        }
        if matches!(answer.status.as_u16(), 404 | 405 | 410) {
            let detail = format!(
                "this server has no GraphQL API (it answers {}); set github.api to rest, or to auto, which finds out",
                answer.status.as_u16()
            );
            return Err(RequestFailure::Failed(self.client.error_of(
                ask,
                SourceErrorKind::Unsupported,
                detail,
            )));
        }
        if !answer.status.is_success() {
            return Err(self.client.judged(ask, classify(answer, self.client.now())));
        }
        let malformed = |error: serde_json::Error| {
            let detail = format!("the answer is not the JSON that was expected: {error}");
            RequestFailure::Again(self.client.error_of(ask, SourceErrorKind::Malformed, detail))
        };
        let envelope: ResponseEnvelope = serde_json::from_slice(&answer.body).map_err(malformed)?;
        if let Some(cost) = envelope.cost()
            && cost > ask.cost
        {
            tracing::debug!(
                query = question.query.name,
                cost,
                expected = ask.cost,
                "a query cost more than expected"
            );
        }
        if let Some(trouble) = self.limited(ask, &envelope.errors, answer) {
            return Err(trouble);
        }
        if let Some(error) = envelope.errors.iter().find(|error| error.is_heavy()) {
            let error = self.client.error_of(ask, SourceErrorKind::Unavailable, error.told());
            return if question.can_shrink { Ok(Err(error)) } else { Err(RequestFailure::Again(error)) };
        }
        let ResponseEnvelope { data, errors } = envelope;
        match (data.filter(|data| !data.is_null()), errors.first()) {
            (Some(data), _) => {
                let data = serde_json::from_value(data).map_err(malformed)?;
                Ok(Ok(GraphqlResponse { data, errors }))
            }
            (None, Some(error)) => {
                let failed = self.client.error_of(ask, error.source_kind(), error.told());
                // Without a type GitHub does not know either what went wrong.
                let is_mishap = !error.path.is_empty() || error.message.contains("went wrong");
                Err(if error.kind.is_none() && is_mishap {
                    RequestFailure::Again(failed)
                } else {
                    RequestFailure::Failed(failed)
                })
            }
            (None, None) => {
                let detail = "the answer holds neither data nor errors".into();
                Err(RequestFailure::Again(self.client.error_of(ask, SourceErrorKind::Malformed, detail)))
            }
        }
    }

    /// Limits come with status 200 here.
    fn limited(
        &self,
        ask: &ApiRequest,
        errors: &[GraphqlError],
        answer: &RestResponse,
    ) -> Option<RequestFailure> {
        if errors.iter().any(|error| is_secondary(&error.message)) {
            return Some(self.client.judged(ask, secondary(retry_after(answer))));
        }
        let is_used_up = errors.iter().any(GraphqlError::is_limit);
        is_used_up.then(|| self.client.judged(ask, primary(answer, self.client.now())))
    }

    /// What is missing, as an error.
    pub fn error(&self, question: &GraphqlRequest, error: &GraphqlError) -> SourceError {
        SourceError {
            kind: error.source_kind(),
            org: self.client.org().clone(),
            endpoint: format!("POST {} {}", self.client.graphql_path(), question.query.name),
            detail: error.told(),
            retry_after: None,
        }
    }

    /// An error of our own.
    pub fn failure(&self, kind: SourceErrorKind, detail: String) -> SourceError {
        SourceError {
            kind,
            org: self.client.org().clone(),
            endpoint: format!("POST {}", self.client.graphql_path()),
            detail,
            retry_after: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_lists_cost_a_point_and_nothing_costs_none() {
        assert_eq!([0, 1, 149, 150, 249, 250].map(points), [1, 1, 1, 2, 2, 3]);
    }
}
