//! A token from the configuration, a variable or a file.

use async_trait::async_trait;
use github_stats_actors::source::SourceErrorKind;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::secret_reader::SecretReader;
use super::token_source::{TokenError, TokenSource};

/// A stored token, read for every request so that a rotated file needs no restart.
#[derive(Clone)]
pub struct StoredToken(pub SecretReader);

#[async_trait]
impl TokenSource for StoredToken {
    async fn token(&self) -> Result<Option<SecretString>, TokenError> {
        let failed = |detail| TokenError { kind: SourceErrorKind::Unauthorized, detail };
        (self.0)().await.map(Some).map_err(failed)
    }

    fn account(&self, token: Option<&SecretString>) -> u64 {
        let Some(token) = token else { return 0 };
        let hash = Sha256::new().chain_update("account of ").chain_update(token.expose_secret()).finalize();
        hash.iter().take(8).fold(0, |account, byte| account << 8 | u64::from(*byte))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::FutureExt;

    use super::*;

    #[test]
    fn another_token_is_another_account() {
        let unread = || async { Err("not read in this test".into()) }.boxed();
        let source = StoredToken(Arc::new(unread));
        let [one, same, other] =
            ["ghp_one", "ghp_one", "ghp_other"].map(|token| source.account(Some(&token.into())));
        assert_eq!(one, same);
        assert_ne!(one, other);
    }
}
