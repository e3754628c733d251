//! The port through which a client gets its tokens.

use async_trait::async_trait;
use github_stats_actors::source::SourceErrorKind;
use secrecy::SecretString;

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct TokenError {
    /// Whether the credentials are wrong or GitHub cannot be reached.
    pub kind: SourceErrorKind,
    /// What happened, and what to do about it; never a secret.
    pub detail: String,
}

/// A source of tokens, consulted for every request.
#[async_trait]
pub trait TokenSource: Send + Sync + 'static {
    /// The current token; `None` for anonymous requests.
    async fn token(&self) -> Result<Option<SecretString>, TokenError>;

    /// GitHub no longer accepts this token; returns whether a new one can be had.
    async fn rejected(&self, token: &SecretString) -> bool {
        let _ = token;
        false
    }

    /// A number for the account whose rate limits apply to the token. It reveals nothing about the
    /// token.
    fn account(&self, token: Option<&SecretString>) -> u64;

    /// Its name in metrics: the installation id, or `token`.
    fn name(&self) -> String {
        "token".into()
    }
}
