//! A request to one of GitHub's APIs, and how it fails.

use bytes::Bytes;
use github_stats_actors::source::SourceError;
use http::Method;

use super::quota::ApiResource;

/// A request to one of GitHub's APIs.
#[derive(Clone, Debug)]
pub struct ApiRequest {
    /// Its name in metrics: a route or operation name, never a path with names in it.
    pub endpoint: &'static str,
    /// `GET` or `POST`.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// JSON, or empty.
    pub body: Bytes,
    /// The resource whose rate limit it counts towards.
    pub resource: ApiResource,
    /// Points it is expected to cost.
    pub cost: u64,
}

impl ApiRequest {
    /// A GET request to the REST API.
    pub fn rest(endpoint: &'static str, path: &str) -> Self {
        ApiRequest {
            endpoint,
            method: Method::GET,
            path: path.to_owned(),
            body: Bytes::new(),
            resource: ApiResource::Core,
            cost: 1,
        }
    }

    /// A POST request to the GraphQL API.
    pub fn graphql(operation: &'static str, path: &str, body: Bytes, cost: u64) -> Self {
        ApiRequest {
            endpoint: operation,
            method: Method::POST,
            path: path.to_owned(),
            body,
            resource: ApiResource::Graphql,
            cost,
        }
    }

    /// Method and path for error messages.
    pub fn describe(&self) -> String {
        format!("{} {}", self.method, without_query(&self.path))
    }
}

/// The path alone.
pub fn without_query(path: &str) -> &str {
    path.split('?').next().unwrap_or(path)
}

/// Why a request got no usable response.
#[derive(Debug)]
pub enum RequestFailure {
    /// A retry may succeed.
    Transient(SourceError),
    /// The response took too long; a smaller request may succeed.
    TimedOut(SourceError),
    /// A retry would fail in the same way.
    Permanent(SourceError),
}

impl RequestFailure {
    pub fn error(&self) -> &SourceError {
        match self {
            RequestFailure::Transient(error)
            | RequestFailure::TimedOut(error)
            | RequestFailure::Permanent(error) => error,
        }
    }
}
