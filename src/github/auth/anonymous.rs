//! Requests without credentials.

use async_trait::async_trait;
use secrecy::SecretString;

use super::token_source::{TokenError, TokenSource};

/// No token: requests are anonymous.
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
