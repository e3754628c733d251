//! Connecting to Redis in the configured mode.

use std::time::Duration;

use redis::ConnectionInfo;
use redis::aio::PubSub;
use redis::cluster::ClusterClient;

use super::connection::RedisConnection;
use super::credentials::RedisCredentials;
use super::failure::RedisFailure;
use super::server::{HANDSHAKE_LIMIT, client, identity, info, open_single, tcp};
use super::{RedisClientSettings, RedisServers, sentinel};
use crate::config::HostPort;

/// Deadline for the largest request to a cluster node; callers have shorter deadlines of their own.
const NODE_LIMIT: Duration = Duration::from_secs(20);

/// Connects. The password and the certificates are read from their sources first.
pub(super) async fn open(settings: &RedisClientSettings) -> Result<RedisConnection, RedisFailure> {
    let credentials = RedisCredentials::read(settings).await.map_err(RedisFailure::breaking_connection)?;
    match &settings.servers {
        RedisServers::Standalone(server) => open_single(settings, &credentials, server).await,
        RedisServers::Sentinel { sentinels, master_set } => {
            let masters = sentinel::masters(settings, &credentials, sentinels, master_set).await?;
            sentinel::open_master(settings, &credentials, &masters).await
        }
        RedisServers::Cluster(seeds) => open_cluster(settings, &credentials, seeds).await,
    }
}

async fn open_cluster(
    settings: &RedisClientSettings,
    credentials: &RedisCredentials,
    seeds: &[HostPort],
) -> Result<RedisConnection, RedisFailure> {
    let redis = identity(settings, credentials, 0);
    let nodes: Vec<ConnectionInfo> = seeds
        .iter()
        .map(|seed| info(seed, credentials.certificates.is_some(), redis.clone()))
        .collect::<Result<_, _>>()?;
    let mut builder = ClusterClient::builder(nodes)
        .retries(4)
        .min_retry_wait(20)
        .max_retry_wait(200)
        .connection_timeout(HANDSHAKE_LIMIT)
        .response_timeout(NODE_LIMIT)
        .overall_response_timeout(None)
        .tcp_settings(tcp());
    if let Some(certificates) = &credentials.certificates {
        builder = builder.certs(certificates.clone());
    }
    let connection = builder.build()?.get_async_connection().await?;
    Ok(RedisConnection::Cluster(connection))
}

/// Opens a connection for subscriptions, to the server that messages are published on.
pub(super) async fn open_subscriber(settings: &RedisClientSettings) -> Result<PubSub, RedisFailure> {
    let credentials = RedisCredentials::read(settings).await.map_err(RedisFailure::breaking_connection)?;
    let servers = match &settings.servers {
        RedisServers::Standalone(server) => vec![server.clone()],
        RedisServers::Sentinel { sentinels, master_set } => {
            sentinel::masters(settings, &credentials, sentinels, master_set).await?
        }
        // A cluster forwards published messages to all of its nodes.
        RedisServers::Cluster(seeds) => seeds.clone(),
    };
    let mut last = None;
    for server in &servers {
        let client = client(server, &credentials, identity(settings, &credentials, settings.db))?;
        match tokio::time::timeout(HANDSHAKE_LIMIT, client.get_async_pubsub()).await {
            Ok(Ok(subscriber)) => return Ok(subscriber),
            Ok(Err(error)) => last = Some(error.into()),
            Err(_) => last = Some(RedisFailure::timeout(HANDSHAKE_LIMIT)),
        }
    }
    Err(last.unwrap_or_else(|| RedisFailure::timeout(HANDSHAKE_LIMIT)))
}
