//! One exchange with a server: octocrab with limits of time and size, and nothing it would do by itself.

use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderValue};
use http::{Method, Request, Uri};
use http_body_util::{BodyExt, Limited};
use octocrab::Octocrab;

use super::rest_response::RestResponse;

/// The largest answer that is read; beyond it there counts as none.
const BODY_LIMIT: usize = 32 * 1024 * 1024;
/// Where GitHub Enterprise Server has its REST API.
const SERVER_REST: &str = "/api/v3";
/// Where GitHub Enterprise Server has its GraphQL API.
const SERVER_GRAPHQL: &str = "/api/graphql";

/// Why no client could be made.
#[derive(Debug, thiserror::Error)]
#[error("github.api_base_url \"{url}\" cannot be used: {reason}")]
pub struct ClientBuildError {
    url: String,
    reason: String,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// It took too long.
    #[error("no complete answer within {} s", .0.as_secs_f64())]
    TimedOut(Duration),
    /// There is no way there, or it broke off.
    #[error("{0}")]
    Broken(String),
}

/// What is sent.
#[derive(Clone, Debug)]
pub struct WireRequest {
    /// How.
    pub method: Method,
    /// Path and query, with or without the prefix of the REST API.
    pub path: String,
    /// Headers besides the usual ones.
    pub headers: HeaderMap,
    /// JSON, or nothing.
    pub body: Bytes,
}

/// The way to one server. Cheap to clone.
#[derive(Clone)]
pub struct HttpTransport {
    octocrab: Octocrab,
    timeout: Duration,
    rest_prefix: String,
    graphql_path: String,
}

impl HttpTransport {
    /// The way to the server whose REST API is at `base_url`. Nothing is asked yet; needs a tokio runtime.
    ///
    /// # Errors
    /// When the URL is none, or no TLS can be set up.
    pub fn new(base_url: &str, timeout: Duration) -> Result<Self, ClientBuildError> {
        let failed = |reason: String| ClientBuildError { url: base_url.to_owned(), reason };
        let base: Uri = base_url.parse().map_err(|error: http::uri::InvalidUri| failed(error.to_string()))?;
        let (Some(scheme), Some(authority)) = (base.scheme(), base.authority()) else {
            return Err(failed("it has no scheme or no host".into()));
        };
        let octocrab = Octocrab::builder()
            .base_uri(format!("{scheme}://{authority}"))
            .map_err(|error| failed(error.to_string()))?
            .set_connect_timeout(Some(timeout))
            .set_read_timeout(Some(timeout))
            .set_write_timeout(Some(timeout))
            .build()
            .map_err(|error| failed(format!("{}; are CA certificates installed?", causes(&error))))?;
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

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// Why there is no answer, or only a part of one.
    pub async fn send(&self, parcel: WireRequest) -> Result<RestResponse, TransportError> {
        match tokio::time::timeout(self.timeout, self.exchange(parcel)).await {
            Ok(outcome) => outcome.map_err(TransportError::Broken),
            Err(_) => Err(TransportError::TimedOut(self.timeout)),
        }
    }

    async fn exchange(&self, parcel: WireRequest) -> Result<RestResponse, String> {
        let mut request = Request::new(parcel.body);
        *request.method_mut() = parcel.method;
        *request.uri_mut() = self.uri(&parcel.path)?;
        *request.headers_mut() = parcel.headers;
        let headers = request.headers_mut();
        headers.insert("accept", HeaderValue::from_static("application/vnd.github+json"));
        headers.insert("x-github-api-version", HeaderValue::from_static("2022-11-28"));
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        let response = self.octocrab.execute(request).await.map_err(|error| causes(&error))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, BODY_LIMIT).collect().await.map_err(|error| causes(error.as_ref()))?;
        Ok(RestResponse { status: head.status, headers: head.headers, body: body.to_bytes() })
    }

    /// Links between pages have the prefix of the REST API already.
    fn uri(&self, path: &str) -> Result<Uri, String> {
        let has_prefix = path == self.graphql_path
            || path.strip_prefix(&self.rest_prefix).is_some_and(|rest| rest.starts_with('/'));
        let path = if has_prefix { path.to_owned() } else { format!("{}{path}", self.rest_prefix) };
        path.parse().map_err(|error| format!("\"{path}\" is no path: {error}"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_enterprise_server_has_its_apis_elsewhere_and_links_are_not_prefixed_twice() {
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
