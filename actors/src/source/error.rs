//! Why a source could not answer.

use std::time::Duration;

use crate::activity::OrgName;

/// The kind of failure of a forge's API, or of the connection to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceErrorKind {
    /// The credentials are not accepted.
    Unauthorized,
    /// The credentials lack a permission.
    Forbidden,
    /// It does not exist, or the credentials may not know that it does.
    NotFound,
    /// The server has no such API.
    Unsupported,
    /// The quota is used up, or requests come too fast.
    RateLimited,
    /// There was no answer, or one that says the server cannot answer now.
    Unavailable,
    /// The answer could not be understood.
    Malformed,
}

impl SourceErrorKind {
    /// Whether the same request may succeed later.
    pub fn is_transient(self) -> bool {
        matches!(
            self,
            SourceErrorKind::RateLimited | SourceErrorKind::Unavailable | SourceErrorKind::Malformed
        )
    }
}

/// Why something could not be collected.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{org}: {endpoint}: {detail}")]
pub struct SourceError {
    pub kind: SourceErrorKind,
    /// The organisation on whose behalf the request was made.
    pub org: OrgName,
    /// Method and path of the request.
    pub endpoint: String,
    /// What happened, and what to do about it.
    pub detail: String,
    /// How long the server asks clients to wait before the next request.
    pub retry_after: Option<Duration>,
}
