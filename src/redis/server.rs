//! Connecting to one server.

use std::time::Duration;

use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo,
};

use super::RedisClientSettings;
use super::connection::RedisConnection;
use super::credentials::RedisCredentials;
use super::failure::RedisFailure;
use crate::config::HostPort;

/// Deadline for the TCP, TLS and AUTH handshake with one server.
pub(super) const HANDSHAKE_LIMIT: Duration = Duration::from_secs(1);
/// Number of requests that may wait to be sent before callers have to wait.
const SEND_QUEUE: usize = 1_024;

/// Connects to one server.
pub(super) async fn open_single(
    settings: &RedisClientSettings,
    credentials: &RedisCredentials,
    server: &HostPort,
) -> Result<RedisConnection, RedisFailure> {
    let client = client(server, credentials, identity(settings, credentials, settings.db))?;
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(HANDSHAKE_LIMIT))
        .set_response_timeout(None)
        .set_pipeline_buffer_size(SEND_QUEUE);
    let connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    Ok(RedisConnection::Single(connection))
}

/// User, password and database number.
pub(super) fn identity(
    settings: &RedisClientSettings,
    credentials: &RedisCredentials,
    db: u32,
) -> RedisConnectionInfo {
    let mut identity = RedisConnectionInfo::default().set_db(i64::from(db)).set_skip_set_lib_name();
    if let Some(password) = &credentials.password {
        identity = identity.set_password(password.expose());
        if !settings.username.is_empty() {
            identity = identity.set_username(&settings.username);
        }
    }
    identity
}

/// A client of one server that is not connected yet.
pub(super) fn client(
    server: &HostPort,
    credentials: &RedisCredentials,
    identity: RedisConnectionInfo,
) -> Result<Client, RedisFailure> {
    let info = info(server, credentials.certificates.is_some(), identity)?;
    Ok(match &credentials.certificates {
        Some(certificates) => Client::build_with_tls(info, certificates.clone())?,
        None => Client::open(info)?,
    })
}

pub(super) fn info(
    server: &HostPort,
    tls: bool,
    identity: RedisConnectionInfo,
) -> Result<ConnectionInfo, RedisFailure> {
    let (host, port) = (server.host.clone(), server.port);
    let addr = match tls {
        true => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
        false => ConnectionAddr::Tcp(host, port),
    };
    Ok(addr.into_connection_info()?.set_redis_settings(identity).set_tcp_settings(tcp()))
}

/// Requests are small and callers wait for the replies, so Nagle's algorithm is off.
pub(super) fn tcp() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}
