//! Addresses, credentials and encryption of connections to Redis.

use std::path::PathBuf;

use crate::config::{HostPort, RedisMode, SecretSource, StoreConfig};

use super::RedisClientError;

/// Settings of a [`RedisClient`](super::RedisClient). The only secret is in a [`SecretSource`],
/// which does not print it.
#[derive(Clone, Debug)]
pub struct RedisClientSettings {
    pub servers: RedisServers,
    /// The ACL user; empty for the default user.
    pub username: String,
    /// The user's password, read for each new connection.
    pub password: Option<SecretSource>,
    /// The database number; a cluster has only database 0.
    pub db: u32,
    /// TLS for all connections, including those to sentinels; `None` for unencrypted connections.
    pub tls: Option<RedisTls>,
}

/// The servers to connect to.
#[derive(Clone, Debug)]
pub enum RedisServers {
    /// One server.
    Standalone(HostPort),
    /// The master that the sentinels report.
    Sentinel {
        /// The addresses of the sentinels.
        sentinels: Vec<HostPort>,
        /// The name under which they monitor the master.
        master_set: String,
    },
    /// A cluster, given by the addresses of some of its nodes.
    Cluster(Vec<HostPort>),
}

/// How the certificates of servers are verified.
#[derive(Clone, Debug)]
pub struct RedisTls {
    /// PEM file of the trusted certificate authorities, read for each new connection; `None` for
    /// those of the system.
    pub ca_file: Option<PathBuf>,
}

impl RedisClientSettings {
    /// The settings of the configuration section `store`.
    ///
    /// # Errors
    /// If it has no address for its `redis_mode`.
    pub fn from_config(store: &StoreConfig) -> Result<Self, RedisClientError> {
        let servers = match store.redis_mode {
            RedisMode::Standalone => store.redis_addr.clone().map(RedisServers::Standalone),
            RedisMode::Sentinel => (!store.redis_sentinel_addrs.is_empty()).then(|| RedisServers::Sentinel {
                sentinels: store.redis_sentinel_addrs.clone(),
                master_set: store.redis_master_set.clone(),
            }),
            RedisMode::Cluster => {
                (!store.redis_addrs.is_empty()).then(|| RedisServers::Cluster(store.redis_addrs.clone()))
            }
        };
        let servers = servers.ok_or_else(|| {
            RedisClientError::Unavailable(format!(
                "the configuration has no server address for store.redis_mode {}",
                store.redis_mode
            ))
        })?;
        Ok(RedisClientSettings {
            servers,
            username: store.redis_username.clone(),
            password: store.redis_password(),
            db: store.redis_db,
            tls: store.redis_tls.then(|| RedisTls { ca_file: store.redis_ca_file.clone() }),
        })
    }
}
