//! Discovery of the master through sentinels.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisConnectionInfo, RedisResult, Value};

use super::connection::RedisConnection;
use super::credentials::RedisCredentials;
use super::failure::RedisFailure;
use super::server::{client, open_single};
use super::{RedisClientError, RedisClientSettings};
use crate::config::HostPort;

/// Deadline for the answer of one sentinel.
const SENTINEL_LIMIT: Duration = Duration::from_millis(700);

/// The masters that sentinels report, those reported by most of them first. A partitioned sentinel
/// may report a former master, so this waits until a majority agrees or all have answered.
pub(super) async fn masters(
    settings: &RedisClientSettings,
    credentials: &RedisCredentials,
    sentinels: &[HostPort],
    master_set: &str,
) -> Result<Vec<HostPort>, RedisFailure> {
    let mut answers: FuturesUnordered<_> =
        sentinels.iter().map(|sentinel| query(settings, credentials, sentinel, master_set)).collect();
    let mut votes: BTreeMap<(String, u16), usize> = BTreeMap::new();
    let mut failures = Vec::new();
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(master) => {
                let count = votes.entry((master.host, master.port)).or_default();
                *count += 1;
                if *count * 2 > sentinels.len() {
                    break;
                }
            }
            Err(error) => failures.push(error),
        }
    }
    let mut masters: Vec<_> = votes.into_iter().collect();
    masters.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    if masters.is_empty() {
        let error =
            RedisClientError::Unavailable(format!("no sentinel reports a master: {}", failures.join("; ")));
        return Err(RedisFailure::breaking_connection(error));
    }
    Ok(masters.into_iter().map(|((host, port), _)| HostPort { host, port }).collect())
}

/// Connects to the first of these servers that has the role of a master.
pub(super) async fn open_master(
    settings: &RedisClientSettings,
    credentials: &RedisCredentials,
    candidates: &[HostPort],
) -> Result<RedisConnection, RedisFailure> {
    let mut last = None;
    for server in candidates {
        match open_single(settings, credentials, server).await {
            Ok(mut connection) => {
                // Without permission for ROLE, the answer of the sentinels is relied on.
                let role: Result<Vec<Value>, _> = redis::cmd("ROLE").query_async(&mut connection).await;
                let other = matches!(role.as_deref(), Ok([Value::BulkString(role), ..]) if role != b"master");
                if !other {
                    return Ok(connection);
                }
                let error = RedisClientError::Unavailable(format!(
                    "the sentinels report {server}, which is not a master yet"
                ));
                last = Some(RedisFailure::breaking_connection(error));
            }
            Err(failure) => last = Some(failure),
        }
    }
    Err(last.unwrap_or_else(|| RedisFailure::timeout(SENTINEL_LIMIT)))
}

async fn query(
    settings: &RedisClientSettings,
    credentials: &RedisCredentials,
    sentinel: &HostPort,
    master_set: &str,
) -> Result<HostPort, String> {
    let answer = query_with_or_without_password(settings, credentials, sentinel, master_set);
    match tokio::time::timeout(SENTINEL_LIMIT, answer).await {
        Err(_) => Err(format!("{sentinel} did not answer within {SENTINEL_LIMIT:?}")),
        Ok(Err(failure)) => Err(format!("{sentinel}: {}", failure.error)),
        Ok(Ok(None)) => {
            Err(format!("{sentinel} does not know the master {master_set:?} (check store.redis_master_set)"))
        }
        Ok(Ok(Some((host, port)))) => Ok(HostPort { host, port }),
    }
}

type MasterAddress = Option<(String, u16)>;

/// Most sentinels have no password and reject AUTH, so a password is sent only to those that ask
/// for one. It is the same as that of the servers.
async fn query_with_or_without_password(
    settings: &RedisClientSettings,
    credentials: &RedisCredentials,
    sentinel: &HostPort,
    master_set: &str,
) -> Result<MasterAddress, RedisFailure> {
    let anonymous = RedisConnectionInfo::default().set_skip_set_lib_name();
    match master_address(&client(sentinel, credentials, anonymous.clone())?, master_set).await {
        Err(error) if error.code() == Some("NOAUTH") => {
            let Some(password) = &credentials.password else { return Err(error.into()) };
            let mut authenticated = anonymous.set_password(password.expose());
            if !settings.username.is_empty() {
                authenticated = authenticated.set_username(&settings.username);
            }
            Ok(master_address(&client(sentinel, credentials, authenticated)?, master_set).await?)
        }
        answer => Ok(answer?),
    }
}

async fn master_address(client: &Client, master_set: &str) -> RedisResult<MasterAddress> {
    let config =
        AsyncConnectionConfig::new().set_connection_timeout(Some(SENTINEL_LIMIT)).set_response_timeout(None);
    let mut connection: MultiplexedConnection =
        client.get_multiplexed_async_connection_with_config(&config).await?;
    redis::cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(master_set).query_async(&mut connection).await
}
