//! One connection, in whichever mode.

use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection, PubSub};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo};
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, IntoConnectionInfo,
    Pipeline, RedisConnectionInfo, RedisFuture, RedisResult, Value,
};

use super::credentials::RedisCredentials;
use super::failure::RedisFailure;
use super::{RedisClientSettings, RedisServers, sentinel};
use crate::config::HostPort;

/// How long a server may take to let us in.
pub(super) const HANDSHAKE_LIMIT: Duration = Duration::from_secs(1);
/// How many requests wait for their turn to be sent before callers do.
const QUEUE: usize = 1_024;
/// What a node of a cluster may take for the largest request; callers have shorter deadlines of their own.
const NODE_LIMIT: Duration = Duration::from_secs(20);

/// Cheap to clone; requests of all clones share the wire.
#[derive(Clone)]
pub(super) enum RedisConnection {
    /// To one server.
    Single(MultiplexedConnection),
    /// To the nodes of a cluster. It follows slots and replaced nodes by itself.
    Cluster(ClusterConnection),
}

impl RedisConnection {
    /// Connects, with the password as it is now.
    pub(super) async fn open(settings: &RedisClientSettings) -> Result<Self, RedisFailure> {
        let credentials = RedisCredentials::read(settings).await.map_err(refused)?;
        match &settings.servers {
            RedisServers::Standalone(server) => open_single(settings, &credentials, server).await,
            RedisServers::Sentinel { sentinels, master_set } => {
                let masters = sentinel::masters(settings, &credentials, sentinels, master_set).await?;
                sentinel::open_master(settings, &credentials, &masters).await
            }
            RedisServers::Cluster(seeds) => open_cluster(settings, &credentials, seeds).await,
        }
    }
}

impl RedisConnection {
    /// What every master of a cluster answers, by its address; `None` where there is no cluster.
    pub(super) fn ask_masters(
        &self,
        command: &Cmd,
    ) -> Option<impl Future<Output = RedisResult<Vec<(String, Value)>>> + Send + use<>> {
        let RedisConnection::Cluster(connection) = self else { return None };
        let (mut connection, command) = (connection.clone(), command.clone());
        let everywhere = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
        Some(async move {
            let Value::Map(answers) = connection.route_command(command, everywhere).await? else {
                return Err((
                    ErrorKind::UnexpectedReturnType,
                    "the nodes of the cluster did not answer each",
                )
                    .into());
            };
            answers
                .into_iter()
                .map(|(node, answer)| Ok((redis::from_redis_value(node)?, answer.extract_error()?)))
                .collect()
        })
    }
}

fn refused(error: super::RedisClientError) -> RedisFailure {
    RedisFailure { error, breaks: true, dropped: false }
}

/// A connection to one server.
pub(super) async fn open_single(
    settings: &RedisClientSettings,
    credentials: &RedisCredentials,
    server: &HostPort,
) -> Result<RedisConnection, RedisFailure> {
    let client = client(server, credentials, identity(settings, credentials, settings.db))?;
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(HANDSHAKE_LIMIT))
        .set_response_timeout(None)
        .set_pipeline_buffer_size(QUEUE);
    let connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    Ok(RedisConnection::Single(connection))
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

/// A connection that listens to channels, to whichever server has the role to publish.
pub(super) async fn open_listener(settings: &RedisClientSettings) -> Result<PubSub, RedisFailure> {
    let credentials = RedisCredentials::read(settings).await.map_err(refused)?;
    let servers = match &settings.servers {
        RedisServers::Standalone(server) => vec![server.clone()],
        RedisServers::Sentinel { sentinels, master_set } => {
            sentinel::masters(settings, &credentials, sentinels, master_set).await?
        }
        // What is published at one node of a cluster is heard at all.
        RedisServers::Cluster(seeds) => seeds.clone(),
    };
    let mut last = None;
    for server in &servers {
        let client = client(server, &credentials, identity(settings, &credentials, settings.db))?;
        match tokio::time::timeout(HANDSHAKE_LIMIT, client.get_async_pubsub()).await {
            Ok(Ok(listener)) => return Ok(listener),
            Ok(Err(error)) => last = Some(error.into()),
            Err(_) => last = Some(RedisFailure::timeout(HANDSHAKE_LIMIT)),
        }
    }
    Err(last.unwrap_or_else(|| RedisFailure::timeout(HANDSHAKE_LIMIT)))
}

/// Who we are to a server.
fn identity(settings: &RedisClientSettings, credentials: &RedisCredentials, db: u32) -> RedisConnectionInfo {
    let mut identity = RedisConnectionInfo::default().set_db(i64::from(db)).set_skip_set_lib_name();
    if let Some(password) = &credentials.password {
        identity = identity.set_password(password.expose());
        if !settings.username.is_empty() {
            identity = identity.set_username(&settings.username);
        }
    }
    identity
}

/// A client of one server, which connects when it is asked to.
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

fn info(server: &HostPort, tls: bool, identity: RedisConnectionInfo) -> Result<ConnectionInfo, RedisFailure> {
    let (host, port) = (server.host.clone(), server.port);
    let addr = match tls {
        true => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
        false => ConnectionAddr::Tcp(host, port),
    };
    Ok(addr.into_connection_info()?.set_redis_settings(identity).set_tcp_settings(tcp()))
}

/// Requests are small and waited for: nothing may hold them back to make larger packets.
fn tcp() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

impl ConnectionLike for RedisConnection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            RedisConnection::Single(connection) => connection.req_packed_command(cmd),
            RedisConnection::Cluster(connection) => connection.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            RedisConnection::Single(connection) => connection.req_packed_commands(pipeline, offset, count),
            RedisConnection::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            RedisConnection::Single(connection) => connection.get_db(),
            RedisConnection::Cluster(connection) => connection.get_db(),
        }
    }
}
