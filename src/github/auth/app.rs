//! Access tokens of an installation of a GitHub App.

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

use super::secret_reader::SecretReader;
use super::token_source::{TokenError, TokenSource};
use crate::github::http_response::HttpResponse;
use crate::github::transport::{HttpRequest, HttpTransport};

/// A token is renewed this long before it expires, in seconds, so that none expires in transit.
const RENEWAL_MARGIN: i64 = 5 * MINUTE;
/// Validity of a JWT in seconds. GitHub accepts at most ten minutes, and clocks differ.
const JWT_VALIDITY: i64 = 9 * MINUTE;

/// What identifies an installation.
#[derive(Clone)]
pub struct AppSettings {
    /// The App's id.
    pub app_id: u64,
    /// The installation's id.
    pub installation_id: u64,
    /// The App's private key in PEM format; read for every new token, so that a rotated file needs
    /// no restart.
    pub private_key: SecretReader,
}

/// Requests access tokens for the installation. All requests share one token, which is renewed
/// shortly before it expires.
pub struct AppToken {
    settings: AppSettings,
    transport: HttpTransport,
    clock: Arc<Clock>,
    /// Locked while a token is requested, so that concurrent requests share it.
    current: Mutex<Option<AccessToken>>,
}

#[derive(Clone)]
struct AccessToken {
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
struct AccessTokenResponse {
    token: String,
    expires_at: String,
}

impl AppToken {
    /// An installation whose tokens are requested over `transport`.
    pub fn new(settings: AppSettings, transport: HttpTransport, clock: Arc<Clock>) -> Self {
        AppToken { settings, transport, clock, current: Mutex::new(None) }
    }

    async fn request_token(&self) -> Result<AccessToken, TokenError> {
        let mut error = None;
        // GitHub refuses a JWT from the future; the first response corrects the clock.
        for _ in 0..2 {
            let now = self.clock.now();
            let sent = tokio::time::Instant::now();
            let request = self.token_request(now).await?;
            let response =
                self.transport.send(request).await.map_err(|error| unavailable(error.to_string()))?;
            if let Some(date) = response.date() {
                self.clock.observe(date, sent, tokio::time::Instant::now());
            }
            if response.status == StatusCode::CREATED {
                return parse_token(&response);
            }
            error = Some(self.refusal(&response));
            if response.status != StatusCode::UNAUTHORIZED || (self.clock.now().seconds_since(now)).abs() < 30
            {
                break;
            }
        }
        Err(error.unwrap_or_else(|| unavailable("no response".into())))
    }

    async fn token_request(&self, now: Timestamp) -> Result<HttpRequest, TokenError> {
        let mut headers = HeaderMap::new();
        let bearer = HeaderValue::from_str(&format!("Bearer {}", self.jwt(now).await?));
        let mut bearer = bearer.map_err(|_| wrong_key("it cannot sign"))?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
        let path = format!("/app/installations/{}/access_tokens", self.settings.installation_id);
        Ok(HttpRequest { method: Method::POST, path, headers, body: Bytes::new() })
    }

    /// A JWT that proves the App's identity.
    async fn jwt(&self, now: Timestamp) -> Result<String, TokenError> {
        let pem = (self.settings.private_key)()
            .await
            .map_err(|detail| TokenError { kind: SourceErrorKind::Unauthorized, detail })?;
        let key = EncodingKey::from_rsa_pem(pem.expose_secret().as_bytes())
            .map_err(|_| wrong_key("it is not an RSA key in PEM format"))?;
        let claims = Claims {
            iat: now.as_unix() - MINUTE,
            exp: now.as_unix() + JWT_VALIDITY,
            iss: self.settings.app_id.to_string(),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &key)
            .map_err(|_| wrong_key("it cannot sign"))
    }

    fn refusal(&self, response: &HttpResponse) -> TokenError {
        let AppSettings { app_id, installation_id, .. } = self.settings;
        let status = response.status.as_u16();
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
                    "installation {installation_id} of App {app_id} is suspended or not allowed to get a token"
                ),
            ),
            _ => (
                SourceErrorKind::Unavailable,
                format!("GitHub responded with {status} instead of an access token"),
            ),
        };
        TokenError { kind, detail }
    }
}

#[async_trait]
impl TokenSource for AppToken {
    async fn token(&self) -> Result<Option<SecretString>, TokenError> {
        let mut current = self.current.lock().await;
        let now = self.clock.now();
        if let Some(valid) = current.as_ref().filter(|current| now < current.expires_at - RENEWAL_MARGIN) {
            return Ok(Some(valid.token.clone()));
        }
        let new = self.request_token().await?;
        *current = Some(new.clone());
        Ok(Some(new.token))
    }

    /// The token was revoked, or has expired on another clock: the next call requests a new one.
    async fn rejected(&self, token: &SecretString) -> bool {
        let mut current = self.current.lock().await;
        if current.as_ref().is_some_and(|current| current.token.expose_secret() == token.expose_secret()) {
            *current = None;
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

fn parse_token(response: &HttpResponse) -> Result<AccessToken, TokenError> {
    let parsed: AccessTokenResponse = serde_json::from_slice(&response.body)
        .map_err(|_| unavailable("the response with the access token is not the expected JSON".into()))?;
    let expires_at: jiff::Timestamp = parsed
        .expires_at
        .parse()
        .map_err(|_| unavailable("the expiry time of the access token cannot be parsed".into()))?;
    Ok(AccessToken {
        token: SecretString::from(parsed.token),
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
