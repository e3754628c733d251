//! The tokens that are accepted: those that always were, and those minted for installations.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::app::Installation;
use crate::token::Token;
use crate::{digest, stamp};

/// How long a minted token is good, in seconds.
const LIFE: i64 = 3_600;

/// Tokens by their secrets.
#[derive(Debug)]
pub(crate) struct Keyring(Mutex<Keys>);

#[derive(Debug)]
struct Keys {
    by_secret: HashMap<String, (Arc<Token>, Timestamp)>,
    minted: u64,
}

impl Keyring {
    /// A ring of tokens that never expire.
    pub(crate) fn of(tokens: &[Token]) -> Self {
        let for_ever = |token: &Token| (token.secret.clone(), (Arc::new(token.clone()), Timestamp::MAX));
        Self(Mutex::new(Keys { by_secret: tokens.iter().map(for_ever).collect(), minted: 0 }))
    }

    /// The token of this secret, unless it has expired.
    pub(crate) fn find(&self, secret: &str, now: Timestamp) -> Option<Arc<Token>> {
        let keys = self.keys();
        let (token, expires_at) = keys.by_secret.get(secret)?;
        (now < *expires_at).then(|| Arc::clone(token))
    }

    /// A new token for an installation: its secret, and when it expires.
    pub(crate) fn mint(&self, installation: &Installation, now: Timestamp) -> (String, Timestamp) {
        let mut keys = self.keys();
        keys.minted += 1;
        let secret = format!("ghs_{}", digest::sha(&["minted", &keys.minted.to_string(), &stamp::text(now)]));
        let expires_at = stamp::plus(stamp::whole(now), LIFE);
        let token = Arc::new(installation.token(&secret));
        keys.by_secret.retain(|_, (_, end)| *end > now);
        keys.by_secret.insert(secret.clone(), (token, expires_at));
        (secret, expires_at)
    }

    /// How many tokens were minted.
    pub(crate) fn minted(&self) -> u64 {
        self.keys().minted
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
