//! Where the token of the moment comes from.

use std::sync::Arc;

use async_trait::async_trait;
use github_stats_actors::source::SourceErrorKind;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

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

    /// Which account GitHub counts requests for; another number, other limits. It tells nothing of the token.
    fn account(&self, token: Option<&SecretString>) -> u64;

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

    fn account(&self, _: Option<&SecretString>) -> u64 {
        0
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

    fn account(&self, token: Option<&SecretString>) -> u64 {
        let Some(token) = token else { return 0 };
        let hash = Sha256::new().chain_update("account of ").chain_update(token.expose_secret()).finalize();
        hash.iter().take(8).fold(0, |account, byte| account << 8 | u64::from(*byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_token_is_another_account() {
        let source = StoredToken(Arc::new(|| Err("nobody reads it".into())));
        let [one, same, other] =
            ["ghp_one", "ghp_one", "ghp_other"].map(|token| source.account(Some(&token.into())));
        assert_eq!(one, same);
        assert_ne!(one, other);
    }
}
