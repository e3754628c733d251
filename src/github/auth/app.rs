//! Tokens of an installation of a GitHub App.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use github_stats_actors::activity::{MINUTE, Timestamp};
use github_stats_actors::clock::Clock;
use github_stats_actors::source::SourceErrorKind;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::{SecretReader, TokenError, TokenSource};
use crate::github::rest_response::RestResponse;
use crate::github::transport::{HttpTransport, WireRequest};

/// A token is renewed so long before it expires, so that none expires on its way.
const EARLY: i64 = 5 * MINUTE;
/// GitHub accepts ten minutes at most; clocks differ.
const PROOF_LIFE: i64 = 9 * MINUTE;

/// What identifies an installation.
#[derive(Clone)]
pub struct AppSettings {
    /// The App's id.
    pub app_id: u64,
    /// The installation's id.
    pub installation_id: u64,
    /// The App's private key as PEM; read for every new token, so that a rotated file needs no restart.
    pub private_key: SecretReader,
}

/// Mints the installation's tokens: one for all who ask, a new one shortly before the old one expires.
pub struct AppToken {
    settings: AppSettings,
    wire: HttpTransport,
    clock: Arc<Clock>,
    /// Held while a token is minted, so that many who ask at once get the same.
    minted: Mutex<Option<Minted>>,
}

#[derive(Clone)]
struct Minted {
    token: SecretString,
    expires_at: Timestamp,
}

#[derive(Serialize)]
struct Claims {
    iat: i64,
    exp: i64,
    iss: String,
}

#[derive(Deserialize)]
struct Issued {
    token: String,
    expires_at: String,
}

impl AppToken {
    /// An installation whose tokens are asked for over `wire`.
    pub fn new(settings: AppSettings, wire: HttpTransport, clock: Arc<Clock>) -> Self {
        AppToken { settings, wire, clock, minted: Mutex::new(None) }
    }

    async fn mint(&self) -> Result<Minted, TokenError> {
        let mut error = None;
        // The first answer corrects the clock; a proof of identity from the future is refused.
        for _ in 0..2 {
            let now = self.clock.now();
            let asked = tokio::time::Instant::now();
            let answer =
                self.wire.send(self.parcel(now)?).await.map_err(|error| unavailable(error.to_string()))?;
            if let Some(date) = answer.date() {
                self.clock.observe(date, asked, tokio::time::Instant::now());
            }
            if answer.status == StatusCode::CREATED {
                return issued(&answer);
            }
            error = Some(self.refused(&answer));
            if answer.status != StatusCode::UNAUTHORIZED || (self.clock.now().seconds_since(now)).abs() < 30 {
                break;
            }
        }
        Err(error.unwrap_or_else(|| unavailable("no answer".into())))
    }

    fn parcel(&self, now: Timestamp) -> Result<WireRequest, TokenError> {
        let mut headers = HeaderMap::new();
        let bearer = HeaderValue::from_str(&format!("Bearer {}", self.proof(now)?));
        let mut bearer = bearer.map_err(|_| wrong_key("it cannot sign"))?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
        let path = format!("/app/installations/{}/access_tokens", self.settings.installation_id);
        Ok(WireRequest { method: Method::POST, path, headers, body: Bytes::new() })
    }

    /// The App's proof of identity.
    fn proof(&self, now: Timestamp) -> Result<String, TokenError> {
        let pem = (self.settings.private_key)()
            .map_err(|detail| TokenError { kind: SourceErrorKind::Unauthorized, detail })?;
        let key = EncodingKey::from_rsa_pem(pem.expose_secret().as_bytes())
            .map_err(|_| wrong_key("it is no RSA key in PEM format"))?;
        let claims = Claims {
            iat: now.as_unix() - MINUTE,
            exp: now.as_unix() + PROOF_LIFE,
            iss: self.settings.app_id.to_string(),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &key)
            .map_err(|_| wrong_key("it cannot sign"))
    }

    fn refused(&self, answer: &RestResponse) -> TokenError {
        let AppSettings { app_id, installation_id, .. } = self.settings;
        let status = answer.status.as_u16();
        let (kind, detail) = match status {
            401 => (
                SourceErrorKind::Unauthorized,
                format!(
                    "GitHub does not accept the private key of App {app_id}; check app_id and private_key_path"
                ),
            ),
            404 => (
                SourceErrorKind::Unauthorized,
                format!("App {app_id} has no installation {installation_id}; check installation_id"),
            ),
            403 => (
                SourceErrorKind::Forbidden,
                format!(
                    "installation {installation_id} of App {app_id} is suspended, or may not have a token"
                ),
            ),
            _ => (SourceErrorKind::Unavailable, format!("GitHub answers {status} instead of giving a token")),
        };
        TokenError { kind, detail }
    }
}

#[async_trait]
impl TokenSource for AppToken {
    async fn token(&self) -> Result<Option<SecretString>, TokenError> {
        let mut minted = self.minted.lock().await;
        let now = self.clock.now();
        if let Some(good) = minted.as_ref().filter(|minted| now < minted.expires_at - EARLY) {
            return Ok(Some(good.token.clone()));
        }
        let fresh = self.mint().await?;
        *minted = Some(fresh.clone());
        Ok(Some(fresh.token))
    }

    /// A revoked token, or one that expired by another clock: the next one asked for is new.
    async fn rejected(&self, token: &SecretString) -> bool {
        let mut minted = self.minted.lock().await;
        if minted.as_ref().is_some_and(|minted| minted.token.expose_secret() == token.expose_secret()) {
            *minted = None;
        }
        true
    }

    fn account(&self, _: Option<&SecretString>) -> u64 {
        self.settings.installation_id
    }

    fn name(&self) -> String {
        self.settings.installation_id.to_string()
    }
}

fn issued(answer: &RestResponse) -> Result<Minted, TokenError> {
    let issued: Issued = serde_json::from_slice(&answer.body)
        .map_err(|_| unavailable("the answer that should hold a token is not the JSON expected".into()))?;
    let expires_at: jiff::Timestamp = issued
        .expires_at
        .parse()
        .map_err(|_| unavailable("GitHub gave a token that expires at no time that can be read".into()))?;
    Ok(Minted {
        token: SecretString::from(issued.token),
        expires_at: Timestamp::from_unix(expires_at.as_second()),
    })
}

fn unavailable(detail: String) -> TokenError {
    TokenError { kind: SourceErrorKind::Unavailable, detail }
}

fn wrong_key(why: &str) -> TokenError {
    let detail = format!("the private key in private_key_path cannot be used: {why}");
    TokenError { kind: SourceErrorKind::Unauthorized, detail }
}
