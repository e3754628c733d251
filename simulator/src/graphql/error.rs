//! Errors in a GraphQL response.

use async_graphql_parser::Pos;
use serde_json::{Value, json};

/// One entry of `errors`, in GitHub's form.
#[derive(Debug, Clone, Default)]
pub(crate) struct GraphqlError {
    /// GitHub's own classification, such as `NOT_FOUND`; validation errors have none.
    kind: Option<&'static str>,
    message: String,
    path: Vec<Value>,
    at: Option<Pos>,
    extensions: Option<Value>,
}

impl GraphqlError {
    /// An execution error.
    pub(crate) fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind: Some(kind), message: message.into(), ..Self::default() }
    }

    /// A validation error; `details` and the code become its extensions.
    pub(crate) fn invalid(code: &str, message: impl Into<String>, mut details: Value) -> Self {
        details["code"] = json!(code);
        Self { message: message.into(), extensions: Some(details), ..Self::default() }
    }

    /// A query that cannot be parsed.
    pub(crate) fn unreadable(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// An error that GitHub does not explain.
    pub(crate) fn unexplained(id: &str) -> Self {
        Self::unreadable(format!(
            "Something went wrong while executing your query. Please include `{id}` when reporting this issue."
        ))
    }

    pub(crate) fn at(mut self, at: Pos, path: Vec<Value>) -> Self {
        (self.at, self.path) = (Some(at), path);
        self
    }

    pub(crate) fn json(&self) -> Value {
        let mut body = json!({"message": self.message});
        if let Some(kind) = self.kind {
            body["type"] = json!(kind);
        }
        if !self.path.is_empty() {
            body["path"] = Value::Array(self.path.clone());
        }
        if let Some(at) = self.at {
            body["locations"] = json!([{"line": at.line, "column": at.column}]);
        }
        if let Some(extensions) = &self.extensions {
            body["extensions"] = extensions.clone();
        }
        body
    }
}
