//! HTTP requests over octocrab, with limits of time and size and without its own retries.

use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderValue};
use http::{Method, Request, Uri};
use http_body_util::{BodyExt, Limited};
use octocrab::Octocrab;

use super::http_response::HttpResponse;

/// Size limit of a response body, in bytes; a larger response is an error.
const BODY_LIMIT: usize = 32 * 1024 * 1024;
/// Path of the REST API on GitHub Enterprise Server.
const SERVER_REST: &str = "/api/v3";
/// Path of the GraphQL API on GitHub Enterprise Server.
const SERVER_GRAPHQL: &str = "/api/graphql";

/// Why no HTTP client could be built.
#[derive(Debug, thiserror::Error)]
#[error("github.api_base_url \"{url}\" cannot be used: {reason}")]
pub struct ClientBuildError {
    url: String,
    reason: String,
}

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// It took longer than the configured timeout.
    #[error("no complete response within {} s", .0.as_secs_f64())]
    TimedOut(Duration),
    /// The connection could not be made, or was interrupted.
    #[error("{0}")]
    Failed(String),
}

/// An HTTP request.
#[derive(Clone, Debug)]
pub struct HttpRequest {
    pub method: Method,
    /// Path and query, with or without the prefix of the REST API.
    pub path: String,
    /// Headers besides the usual ones.
    pub headers: HeaderMap,
    /// JSON, or empty.
    pub body: Bytes,
}

/// An HTTP client for one server. Cheap to clone.
#[derive(Clone)]
pub struct HttpTransport {
    octocrab: Octocrab,
    timeout: Duration,
    rest_prefix: String,
    graphql_path: String,
}

impl HttpTransport {
    /// A client for the server whose REST API is at `base_url`. Sends nothing yet; needs a tokio
    /// runtime.
    ///
    /// # Errors
    /// If the URL is invalid or TLS cannot be set up.
    pub fn new(base_url: &str, timeout: Duration) -> Result<Self, ClientBuildError> {
        let failed = |reason: String| ClientBuildError { url: base_url.to_owned(), reason };
        let base: Uri = base_url.parse().map_err(|error: http::uri::InvalidUri| failed(error.to_string()))?;
        let (Some(scheme), Some(authority)) = (base.scheme(), base.authority()) else {
            return Err(failed("it lacks a scheme or a host".into()));
        };
        let octocrab = Octocrab::builder()
            .base_uri(format!("{scheme}://{authority}"))
            .map_err(|error| failed(error.to_string()))?
            .set_connect_timeout(Some(timeout))
            .set_read_timeout(Some(timeout))
            .set_write_timeout(Some(timeout))
            .build()
            .map_err(|error| failed(format!("{}; are CA certificates installed?", with_causes(&error))))?;
        let rest_prefix = base.path().trim_end_matches('/').to_owned();
        let graphql_path = match rest_prefix.strip_suffix(SERVER_REST) {
            Some(before) => format!("{before}{SERVER_GRAPHQL}"),
            None => format!("{rest_prefix}/graphql"),
        };
        Ok(HttpTransport { octocrab, timeout, rest_prefix, graphql_path })
    }

    /// The path of the GraphQL API.
    pub fn graphql_path(&self) -> &str {
        &self.graphql_path
    }

    /// Sends a request and reads the whole response.
    ///
    /// # Errors
    /// If there is no response, or only a part of one.
    pub async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        match tokio::time::timeout(self.timeout, self.exchange(request)).await {
            Ok(outcome) => outcome.map_err(TransportError::Failed),
            Err(_) => Err(TransportError::TimedOut(self.timeout)),
        }
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, String> {
        let HttpRequest { method, path, headers, body } = request;
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = self.uri(&path)?;
        *request.headers_mut() = headers;
        let headers = request.headers_mut();
        headers.insert("accept", HeaderValue::from_static("application/vnd.github+json"));
        headers.insert("x-github-api-version", HeaderValue::from_static("2022-11-28"));
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        let response = self.octocrab.execute(request).await.map_err(|error| with_causes(&error))?;
        let (head, body) = response.into_parts();
        let body =
            Limited::new(body, BODY_LIMIT).collect().await.map_err(|error| with_causes(error.as_ref()))?;
        Ok(HttpResponse { status: head.status, headers: head.headers, body: body.to_bytes() })
    }

    /// Links between pages have the prefix of the REST API already.
    fn uri(&self, path: &str) -> Result<Uri, String> {
        let has_prefix = path == self.graphql_path
            || path.strip_prefix(&self.rest_prefix).is_some_and(|rest| rest.starts_with('/'));
        let path = if has_prefix { path.to_owned() } else { format!("{}{path}", self.rest_prefix) };
        path.parse().map_err(|error| format!("\"{path}\" is not a valid path: {error}"))
    }
}

/// An error and its causes in one line: library errors often name the reason at the end of the
/// chain only.
fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let message = error.to_string();
        if !message.is_empty() && !text.contains(&message) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&message);
        }
        next = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn enterprise_server_paths_get_their_prefix_exactly_once() {
        let timeout = Duration::from_secs(1);
        let server = HttpTransport::new("https://ghe.example/api/v3", timeout).unwrap();
        assert_eq!(server.graphql_path(), "/api/graphql");
        assert_eq!(server.uri("/orgs/a/repos?page=1").unwrap(), "/api/v3/orgs/a/repos?page=1");
        assert_eq!(server.uri("/api/v3/orgs/a/repos?page=2").unwrap(), "/api/v3/orgs/a/repos?page=2");
        assert_eq!(server.uri("/api/graphql").unwrap(), "/api/graphql");
        let github = HttpTransport::new("https://api.github.com", timeout).unwrap();
        assert_eq!(github.graphql_path(), "/graphql");
        assert_eq!(github.uri("/rate_limit").unwrap(), "/rate_limit");
        assert!(HttpTransport::new("nonsense", timeout).is_err());
    }
}
