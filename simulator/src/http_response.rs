//! A response before the common headers are added.

use bytes::Bytes;
use serde_json::{Value, json};

/// Status, headers and body of a response.
#[derive(Debug, Clone)]
pub(crate) struct HttpResponse {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

/// The response of an endpoint, or an error response.
pub(crate) type EndpointResult = Result<HttpResponse, HttpResponse>;

impl HttpResponse {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::from(body.to_string()) }
    }

    pub(crate) fn ok(body: &Value) -> Self {
        Self::json(200, body)
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new() }
    }

    /// GitHub's form of an error.
    pub(crate) fn error(status: u16, message: &str) -> Self {
        let help = "https://docs.github.com/rest";
        Self::json(
            status,
            &json!({"message": message, "documentation_url": help, "status": status.to_string()}),
        )
    }

    pub(crate) fn not_found() -> Self {
        Self::error(404, "Not Found")
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}
