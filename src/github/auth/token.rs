//! Where the token of the moment comes from.

use std::sync::Arc;

use async_trait::async_trait;
use github_stats_actors::scheduler::SourceErrorKind;
use secrecy::SecretString;

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct TokenError {
    /// Whether the credentials are wrong, or there is no way to GitHub just now.
    pub kind: SourceErrorKind,
    /// What happened, and what to do about it; never a secret.
    pub detail: String,
}

/// Gives tokens to whoever asks; called for every request.
#[async_trait]
pub trait TokenSource: Send + Sync + 'static {
    /// The token of the moment; `None` asks anonymously.
    async fn token(&self) -> Result<Option<SecretString>, TokenError>;

    /// GitHub does not accept this token any more; whether another one can be had.
    async fn rejected(&self, token: &SecretString) -> bool {
        let _ = token;
        false
    }

    /// What the metrics call it: the installation's number, or `token`.
    fn name(&self) -> String {
        "token".into()
    }
}

/// No token.
#[derive(Clone, Copy, Debug, Default)]
pub struct Anonymous;

#[async_trait]
impl TokenSource for Anonymous {
    async fn token(&self) -> Result<Option<SecretString>, TokenError> {
        Ok(None)
    }
}

/// Reads a secret as it is now, or says why that cannot be done.
pub type SecretReader = Arc<dyn Fn() -> Result<SecretString, String> + Send + Sync>;

/// A token that is kept somewhere, and read for every request so that a rotated file needs no restart.
#[derive(Clone)]
pub struct StoredToken(pub SecretReader);

#[async_trait]
impl TokenSource for StoredToken {
    async fn token(&self) -> Result<Option<SecretString>, TokenError> {
        let failed = |detail| TokenError { kind: SourceErrorKind::Unauthorized, detail };
        (self.0)().map(Some).map_err(failed)
    }
}
