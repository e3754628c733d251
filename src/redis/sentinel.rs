//! Asking sentinels for the master.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisConnectionInfo, RedisResult, Value};

use super::connection::{RedisConnection, client, open_single};
use super::credentials::RedisCredentials;
use super::failure::RedisFailure;
use super::{RedisClientError, RedisClientSettings};
use crate::config::HostPort;

/// How long one sentinel may take.
const SENTINEL_LIMIT: Duration = Duration::from_millis(700);

/// The masters that sentinels name, the one most of them name first. One that was cut off may name a master of the past, so
/// more than half are waited for where they do not agree.
pub(super) async fn masters(
    settings: &RedisClientSettings,
    credentials: &RedisCredentials,
    sentinels: &[HostPort],
    master_set: &str,
) -> Result<Vec<HostPort>, RedisFailure> {
    let mut answers: FuturesUnordered<_> =
        sentinels.iter().map(|sentinel| ask(settings, credentials, sentinel, master_set)).collect();
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
            RedisClientError::Unavailable(format!("no sentinel names a master: {}", failures.join("; ")));
        return Err(RedisFailure { error, breaks: true, dropped: false });
    }
    Ok(masters.into_iter().map(|((host, port), _)| HostPort { host, port }).collect())
}

/// Connects to the first of these that says of itself that it is a master.
pub(super) async fn open_master(
    settings: &RedisClientSettings,
    credentials: &RedisCredentials,
    candidates: &[HostPort],
) -> Result<RedisConnection, RedisFailure> {
    let mut last = None;
    for server in candidates {
        match open_single(settings, credentials, server).await {
            Ok(mut connection) => {
                // A user who may not ask has to believe the sentinels.
                let role: Result<Vec<Value>, _> = redis::cmd("ROLE").query_async(&mut connection).await;
                let other = matches!(role.as_deref(), Ok([Value::BulkString(role), ..]) if role != b"master");
                if !other {
                    return Ok(connection);
                }
                let error = RedisClientError::Unavailable(format!(
                    "the sentinels name {server}, which is no master yet"
                ));
                last = Some(RedisFailure { error, breaks: true, dropped: false });
            }
            Err(failure) => last = Some(failure),
        }
    }
    Err(last.unwrap_or_else(|| RedisFailure::timeout(SENTINEL_LIMIT)))
}

async fn ask(
    settings: &RedisClientSettings,
    credentials: &RedisCredentials,
    sentinel: &HostPort,
    master_set: &str,
) -> Result<HostPort, String> {
    let asked = ask_with_or_without_password(settings, credentials, sentinel, master_set);
    match tokio::time::timeout(SENTINEL_LIMIT, asked).await {
        Err(_) => Err(format!("{sentinel} did not answer within {SENTINEL_LIMIT:?}")),
        Ok(Err(failure)) => Err(format!("{sentinel}: {}", failure.error)),
        Ok(Ok(None)) => {
            Err(format!("{sentinel} knows no master {master_set:?} (check store.redis_master_set)"))
        }
        Ok(Ok(Some((host, port)))) => Ok(HostPort { host, port }),
    }
}

type Named = Option<(String, u16)>;

/// Sentinels mostly have no password, and then refuse to be told one; those that have one share it with the servers.
async fn ask_with_or_without_password(
    settings: &RedisClientSettings,
    credentials: &RedisCredentials,
    sentinel: &HostPort,
    master_set: &str,
) -> Result<Named, RedisFailure> {
    let open = RedisConnectionInfo::default().set_skip_set_lib_name();
    match name(&client(sentinel, credentials, open.clone())?, master_set).await {
        Err(error) if error.code() == Some("NOAUTH") => {
            let Some(password) = &credentials.password else { return Err(error.into()) };
            let mut known = open.set_password(password.expose());
            if !settings.username.is_empty() {
                known = known.set_username(&settings.username);
            }
            Ok(name(&client(sentinel, credentials, known)?, master_set).await?)
        }
        answer => Ok(answer?),
    }
}

async fn name(client: &Client, master_set: &str) -> RedisResult<Named> {
    let config =
        AsyncConnectionConfig::new().set_connection_timeout(Some(SENTINEL_LIMIT)).set_response_timeout(None);
    let mut connection: MultiplexedConnection =
        client.get_multiplexed_async_connection_with_config(&config).await?;
    redis::cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(master_set).query_async(&mut connection).await
}
