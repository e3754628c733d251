//! The envelope of a GraphQL response: data, errors, or both.

use github_stats_actors::source::SourceErrorKind;
use serde::Deserialize;
use serde_json::Value;

/// The body of a response.
#[derive(Debug, Deserialize)]
pub struct ResponseEnvelope {
    /// The data; parts of it may be null.
    #[serde(default)]
    pub data: Option<Value>,
    /// Why parts are null.
    #[serde(default)]
    pub errors: Vec<GraphqlError>,
}

impl ResponseEnvelope {
    /// The cost of the query in points, if the response names it.
    pub fn cost(&self) -> Option<u64> {
        self.data.as_ref()?.get("rateLimit")?.get("cost")?.as_u64()
    }
}

/// An error, usually about a part of the data that is missing.
#[derive(Clone, Debug, Deserialize)]
pub struct GraphqlError {
    #[serde(default)]
    pub message: String,
    /// GitHub's classification; absent for internal errors.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    /// The place in the data that is missing.
    #[serde(default)]
    pub path: Vec<Value>,
}

impl GraphqlError {
    /// Whether the primary rate limit is used up.
    pub fn is_rate_limited(&self) -> bool {
        self.kind.as_deref() == Some("RATE_LIMITED")
    }

    /// Whether the query asked for too much at once.
    pub fn is_too_heavy(&self) -> bool {
        const KINDS: [&str; 2] = ["RESOURCE_LIMITS_EXCEEDED", "MAX_NODE_LIMIT_EXCEEDED"];
        self.kind.as_deref().is_some_and(|kind| KINDS.contains(&kind)) || self.message.contains("timeout")
    }

    /// Whether a retry cannot help, because the credentials may not see the missing part.
    pub fn is_hidden(&self) -> bool {
        matches!(
            self.kind.as_deref(),
            Some("NOT_FOUND" | "FORBIDDEN" | "INSUFFICIENT_SCOPES" | "SAML_FAILURE")
        )
    }

    /// Whether it is an internal error of GitHub, which a retry may not meet again.
    pub fn is_internal(&self) -> bool {
        self.kind.is_none() && (!self.path.is_empty() || self.message.contains("went wrong"))
    }

    /// Whether it concerns the item with this index in the list at `root`.
    pub fn is_about(&self, root: &str, index: usize) -> bool {
        self.path.first().and_then(Value::as_str) == Some(root)
            && self.path.get(1).and_then(Value::as_u64) == u64::try_from(index).ok()
    }

    pub fn source_kind(&self) -> SourceErrorKind {
        match self.kind.as_deref() {
            Some("NOT_FOUND") => SourceErrorKind::NotFound,
            Some("FORBIDDEN" | "INSUFFICIENT_SCOPES" | "SAML_FAILURE") => SourceErrorKind::Forbidden,
            Some("RATE_LIMITED") => SourceErrorKind::RateLimited,
            _ => SourceErrorKind::Unavailable,
        }
    }

    /// Place and message in one line.
    pub fn describe(&self) -> String {
        let path: Vec<String> = self
            .path
            .iter()
            .map(|part| part.as_str().map_or_else(|| part.to_string(), str::to_owned))
            .collect();
        let message: String = self.message.chars().filter(|c| !c.is_control()).take(300).collect();
        match self.kind.as_deref() {
            Some(kind) => format!("{kind} at {}: {message}", path.join(".")),
            None => format!("{}: {message}", path.join(".")),
        }
    }
}
