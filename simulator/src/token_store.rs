//! The accepted tokens: configured ones, and those minted for installations.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::app::Installation;
use crate::token::Token;
use crate::{digest, stamp};

/// Lifetime of a minted token, in seconds.
const LIFETIME_SECONDS: i64 = 3_600;

/// Tokens by their secrets.
#[derive(Debug)]
pub(crate) struct TokenStore(Mutex<IssuedTokens>);

#[derive(Debug)]
struct IssuedTokens {
    by_secret: HashMap<String, (Arc<Token>, Timestamp)>,
    minted: u64,
}

impl TokenStore {
    /// A store of tokens that never expire.
    pub(crate) fn new(tokens: &[Token]) -> Self {
        let never_expiring =
            |token: &Token| (token.secret.clone(), (Arc::new(token.clone()), Timestamp::MAX));
        Self(Mutex::new(IssuedTokens { by_secret: tokens.iter().map(never_expiring).collect(), minted: 0 }))
    }

    /// The token with this secret, unless it has expired.
    pub(crate) fn find(&self, secret: &str, now: Timestamp) -> Option<Arc<Token>> {
        let tokens = self.tokens();
        let (token, expires_at) = tokens.by_secret.get(secret)?;
        (now < *expires_at).then(|| Arc::clone(token))
    }

    /// Mints a token for an installation; returns its secret and when it expires.
    pub(crate) fn mint(&self, installation: &Installation, now: Timestamp) -> (String, Timestamp) {
        let mut tokens = self.tokens();
        tokens.minted += 1;
        let secret =
            format!("ghs_{}", digest::sha(&["minted", &tokens.minted.to_string(), &stamp::text(now)]));
        let expires_at = stamp::plus(stamp::whole(now), LIFETIME_SECONDS);
        let token = Arc::new(installation.token(&secret));
        tokens.by_secret.retain(|_, (_, end)| *end > now);
        tokens.by_secret.insert(secret.clone(), (token, expires_at));
        (secret, expires_at)
    }

    /// How many tokens were minted.
    pub(crate) fn minted(&self) -> u64 {
        self.tokens().minted
    }

    fn tokens(&self) -> MutexGuard<'_, IssuedTokens> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
