//! A client of a running replica: its admin API and its liveness.

use std::time::Duration;

use anyhow::{Context, anyhow};
use bytes::Bytes;
use http::{Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::admin_api::ErrorAnswer;
use crate::config::{Config, Secret};

/// How long a replica may take to answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long a live replica may take to say that it is live.
const LIVE_TIMEOUT: Duration = Duration::from_secs(5);
/// The largest answer that is read, in bytes.
const MAX_ANSWER: usize = 256 * 1024 * 1024;

/// A client of one replica.
pub(crate) struct ReplicaClient {
    authority: String,
    token: Option<Secret>,
}

/// An answer of the admin API.
pub(crate) struct ApiResponse<T> {
    /// The answer as the replica sent it.
    pub(crate) json: Value,
    pub(crate) content: T,
}

/// The answer of `/livez`.
#[derive(Default, Deserialize)]
struct Liveness {
    reason: Option<String>,
}

impl ReplicaClient {
    /// A client of the replica at this URL, or without one of the replica that this configuration
    /// starts on this machine. It authenticates with the configured admin token.
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

    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &impl Serialize,
    ) -> Result<ApiResponse<T>, anyhow::Error> {
        self.call(Method::GET, &with_query(path, query)?, None).await
    }

    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<ApiResponse<T>, anyhow::Error> {
        self.call(Method::POST, path, Some(serde_json::to_vec(body)?.into())).await
    }

    pub(crate) async fn delete<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &impl Serialize,
    ) -> Result<ApiResponse<T>, anyhow::Error> {
        self.call(Method::DELETE, &with_query(path, query)?, None).await
    }

    /// Fails unless the process can make progress.
    pub(crate) async fn live(&self) -> Result<(), anyhow::Error> {
        let answer = timeout(LIVE_TIMEOUT, self.exchange(Method::GET, "/livez", None)).await;
        let (status, body) = answer
            .map_err(|_| anyhow!("no answer within {} s", LIVE_TIMEOUT.as_secs()))
            .and_then(|answer| answer)
            .with_context(|| format!("the replica at http://{} is not alive", self.authority))?;
        let Liveness { reason } = serde_json::from_slice(&body).unwrap_or_default();
        let reason = reason.as_deref().unwrap_or("no reason was given");
        anyhow::ensure!(
            status.is_success(),
            "the replica at http://{} is not alive: {reason}",
            self.authority
        );
        Ok(())
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Bytes>,
    ) -> Result<ApiResponse<T>, anyhow::Error> {
        let answer = timeout(TIMEOUT, self.exchange(method, &format!("/api/admin/{path}"), body)).await;
        let (status, body) = answer
            .map_err(|_| anyhow!("no answer within {} s", TIMEOUT.as_secs()))
            .and_then(|answer| answer)
            .with_context(|| format!("cannot reach the replica at http://{}", self.authority))?;
        if !status.is_success() {
            return Err(self.refusal(status, &body));
        }
        let other = || format!("cannot read the answer of http://{}: is it another version?", self.authority);
        let json: Value = serde_json::from_slice(&body).with_context(other)?;
        let content = T::deserialize(&json).with_context(other)?;
        Ok(ApiResponse { json, content })
    }

    fn refusal(&self, status: StatusCode, body: &[u8]) -> anyhow::Error {
        let at = &self.authority;
        let Ok(ErrorAnswer { error }) = serde_json::from_slice(body) else {
            return anyhow!("http://{at} answered {status}: is it the address of a github-stats replica?");
        };
        match status {
            StatusCode::UNAUTHORIZED => anyhow!(
                "{error}: the replica at http://{at} expects its server.admin_token; configure the same token here, \
                 or give it with --token-file"
            ),
            StatusCode::FORBIDDEN => anyhow!("the replica at http://{at}: {error}"),
            _ => anyhow!("{error}"),
        }
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<Bytes>,
    ) -> Result<(StatusCode, Bytes), anyhow::Error> {
        let stream = TcpStream::connect(&self.authority).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        actix_rt::spawn(connection);
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, &self.authority);
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.expose()));
        }
        let answer = sender.send_request(request.body(Full::new(body.unwrap_or_default()))?).await?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
        let body = body.map_err(|error| anyhow!("the answer broke off: {error}"))?;
        Ok((status, body.to_bytes()))
    }
}

fn authority(url: &str) -> Result<String, anyhow::Error> {
    let wrong = || anyhow!("--url {url:?} is not an address such as http://127.0.0.1:8080");
    let uri: Uri = url.parse().map_err(|_| wrong())?;
    anyhow::ensure!(
        uri.scheme_str() != Some("https"),
        "--url must be http, not https: a replica serves its admin API without TLS"
    );
    let authority = uri.authority().ok_or_else(wrong)?;
    let port = authority.port_u16().unwrap_or(80);
    Ok(format!("{}:{port}", authority.host()))
}

/// The path with the fields of `query` as parameters; fields without a value are left out.
fn with_query(path: &str, query: &impl Serialize) -> Result<String, anyhow::Error> {
    let Value::Object(fields) = serde_json::to_value(query)? else { return Ok(path.to_owned()) };
    let parameters = fields.iter().filter_map(|(name, value)| match value {
        Value::Null => None,
        Value::String(text) => Some(format!("{name}={}", percent_encoded(text))),
        value => Some(format!("{name}={}", percent_encoded(&value.to_string()))),
    });
    let parameters: Vec<String> = parameters.collect();
    Ok(if parameters.is_empty() { path.to_owned() } else { format!("{path}?{}", parameters.join("&")) })
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
    use crate::admin_api::EndMaintenance;

    #[test]
    fn a_replica_is_addressed_by_a_url() {
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

    #[test]
    fn a_query_has_the_fields_that_are_set() {
        let end =
            |org: Option<&str>| EndMaintenance { org: org.map(str::to_owned), by: Some("ann b".into()) };
        assert_eq!(with_query("maintenance", &end(None)).unwrap(), "maintenance?by=ann%20b");
        assert_eq!(with_query("maintenance", &end(Some("*"))).unwrap(), "maintenance?by=ann%20b&org=%2A");
        assert_eq!(with_query("status", &()).unwrap(), "status");
    }
}
