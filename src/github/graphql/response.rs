//! The envelope of an answer: data, errors, or both.

use github_stats_actors::source::SourceErrorKind;
use serde::Deserialize;
use serde_json::Value;

/// What GitHub answers with.
#[derive(Debug, Deserialize)]
pub struct ResponseEnvelope {
    /// What could be had; parts of it may be null.
    #[serde(default)]
    pub data: Option<Value>,
    /// What could not.
    #[serde(default)]
    pub errors: Vec<GraphqlError>,
}

impl ResponseEnvelope {
    /// What the query cost, where that was told.
    pub fn cost(&self) -> Option<u64> {
        self.data.as_ref()?.get("rateLimit")?.get("cost")?.as_u64()
    }
}

/// One thing that could not be had.
#[derive(Clone, Debug, Deserialize)]
pub struct GraphqlError {
    /// What GitHub says.
    #[serde(default)]
    pub message: String,
    /// GitHub's own classification; missing where it does not know either.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    /// Where in the data it is missing.
    #[serde(default)]
    pub path: Vec<Value>,
}

impl GraphqlError {
    /// Whether points were used up.
    pub fn is_limit(&self) -> bool {
        self.kind.as_deref() == Some("RATE_LIMITED")
    }

    /// Whether the query asked for too much at once.
    pub fn is_heavy(&self) -> bool {
        const KINDS: [&str; 2] = ["RESOURCE_LIMITS_EXCEEDED", "MAX_NODE_LIMIT_EXCEEDED"];
        self.kind.as_deref().is_some_and(|kind| KINDS.contains(&kind)) || self.message.contains("timeout")
    }

    /// Whether asking again cannot help, because the credentials may not see it.
    pub fn is_hidden(&self) -> bool {
        matches!(
            self.kind.as_deref(),
            Some("NOT_FOUND" | "FORBIDDEN" | "INSUFFICIENT_SCOPES" | "SAML_FAILURE")
        )
    }

    /// Whether it is about the `index`-th of the things at `root`.
    pub fn is_about(&self, root: &str, index: usize) -> bool {
        self.path.first().and_then(Value::as_str) == Some(root)
            && self.path.get(1).and_then(Value::as_u64) == u64::try_from(index).ok()
    }

    /// What kind of trouble it is.
    pub fn source_kind(&self) -> SourceErrorKind {
        match self.kind.as_deref() {
            Some("NOT_FOUND") => SourceErrorKind::NotFound,
            Some("FORBIDDEN" | "INSUFFICIENT_SCOPES" | "SAML_FAILURE") => SourceErrorKind::Forbidden,
            Some("RATE_LIMITED") => SourceErrorKind::RateLimited,
            _ => SourceErrorKind::Unavailable,
        }
    }

    /// Where and what, in one line.
    pub fn told(&self) -> String {
        let path: Vec<String> = self
            .path
            .iter()
            .map(|part| part.as_str().map_or_else(|| part.to_string(), str::to_owned))
            .collect();
        let said: String = self.message.chars().filter(|c| !c.is_control()).take(300).collect();
        match self.kind.as_deref() {
            Some(kind) => format!("{kind} at {}: {said}", path.join(".")),
            None => format!("{}: {said}", path.join(".")),
        }
    }
}
