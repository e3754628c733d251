//! A client of a running replica: its admin API, and whether it lives.

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use bytes::Bytes;
use http::{Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::config::{Config, Secret};

/// How long a replica may take to answer.
const LIMIT: Duration = Duration::from_secs(30);
/// How long a living replica takes at most to say so.
const LIVE_LIMIT: Duration = Duration::from_secs(5);
/// The largest answer that is read.
const LARGEST: usize = 256 * 1024 * 1024;

/// Speaks to one replica.
pub(crate) struct ReplicaClient {
    authority: String,
    token: Option<Secret>,
}

impl ReplicaClient {
    /// The replica at this URL, or the one that this configuration starts on this machine; with its admin token.
    pub(crate) fn new(config: &Config, url: Option<&str>) -> Result<Self, anyhow::Error> {
        let authority = match url {
            Some(url) => authority(url)?,
            None => local(config),
        };
        let token = config.server.admin_token().map(|source| source.read_blocking()).transpose();
        Ok(ReplicaClient { authority, token: token.context("server.admin_token cannot be read")? })
    }

    /// The same with another token.
    pub(crate) fn with_token(self, token: Secret) -> Self {
        ReplicaClient { token: Some(token), ..self }
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value, anyhow::Error> {
        self.ask(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Option<Value>) -> Result<Value, anyhow::Error> {
        self.ask(Method::POST, path, body).await
    }

    pub(crate) async fn delete<'a>(
        &self,
        path: &str,
        query: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<Value, anyhow::Error> {
        let query: Vec<String> =
            query.map(|(name, value)| format!("{name}={}", percent_encoded(value))).collect();
        self.ask(Method::DELETE, &format!("{path}?{}", query.join("&")), None).await
    }

    /// Whether the process can make progress.
    pub(crate) async fn live(&self) -> Result<(), anyhow::Error> {
        let answer = timeout(LIVE_LIMIT, self.exchange(Method::GET, "/livez", None)).await;
        let (status, body) = answer
            .map_err(|_| anyhow!("no answer within {} s", LIVE_LIMIT.as_secs()))
            .and_then(|answer| answer)
            .with_context(|| format!("the replica at http://{} is not alive", self.authority))?;
        let reason: Value = serde_json::from_slice(&body).unwrap_or_default();
        let reason = reason["reason"].as_str().unwrap_or("no reason was given");
        anyhow::ensure!(
            status.is_success(),
            "the replica at http://{} is not alive: {reason}",
            self.authority
        );
        Ok(())
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, anyhow::Error> {
        let answer = timeout(LIMIT, self.exchange(method, &format!("/api/admin/{path}"), body)).await;
        let (status, body) = answer
            .map_err(|_| anyhow!("no answer within {} s", LIMIT.as_secs()))
            .and_then(|answer| answer)
            .with_context(|| format!("the replica at http://{} cannot be asked", self.authority))?;
        let value: Value = serde_json::from_slice(&body).unwrap_or_default();
        if status.is_success() {
            return Ok(value);
        }
        match (value["error"].as_str(), status) {
            (Some(error), StatusCode::UNAUTHORIZED) => bail!(
                "{error}: the token of the replica at http://{} is its server.admin_token; give the same, or --token-file",
                self.authority
            ),
            (Some(error), StatusCode::FORBIDDEN) => {
                bail!("the replica at http://{}: {error}", self.authority)
            }
            (Some(error), _) => bail!("{error}"),
            (None, _) => bail!(
                "http://{} answered {status}: is it the address of a github-stats replica?",
                self.authority
            ),
        }
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<(StatusCode, Bytes), anyhow::Error> {
        let stream = TcpStream::connect(&self.authority).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        actix_rt::spawn(connection);
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, &self.authority);
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.expose()));
        }
        let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let answer = sender.send_request(request.body(Full::new(body))?).await?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), LARGEST).collect().await;
        let body = body.map_err(|error| anyhow!("the answer broke off: {error}"))?;
        Ok((status, body.to_bytes()))
    }
}

fn authority(url: &str) -> Result<String, anyhow::Error> {
    let wrong = || anyhow!("--url {url:?} is no address such as http://127.0.0.1:8080");
    let uri: Uri = url.parse().map_err(|_| wrong())?;
    anyhow::ensure!(uri.scheme_str() != Some("https"), "a replica speaks http, not https, to its operator");
    let authority = uri.authority().ok_or_else(wrong)?;
    let port = authority.port_u16().unwrap_or(80);
    Ok(format!("{}:{port}", authority.host()))
}

/// A value as it may stand in a query.
fn percent_encoded(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'~' | b'-');
    let encoded = |byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    value.bytes().map(encoded).collect()
}

fn local(config: &Config) -> String {
    let listen = &config.server.listen_addr;
    let host = match listen.host.as_str() {
        "0.0.0.0" => "127.0.0.1",
        "::" => "[::1]",
        host => host,
    };
    format!("{host}:{}", listen.port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_is_named_by_an_address() {
        for (url, expected) in [
            ("http://127.0.0.1:8080", Some("127.0.0.1:8080")),
            ("http://replica-0.svc/", Some("replica-0.svc:80")),
            ("localhost:8080", Some("localhost:8080")),
            ("https://x", None),
            ("/x", None),
        ] {
            assert_eq!(authority(url).ok().as_deref(), expected, "{url}");
        }
        assert_eq!(percent_encoded("a b&c=é*"), "a%20b%26c%3D%C3%A9%2A");
        assert_eq!(local(&Config::default()), "127.0.0.1:8080");
    }
}
