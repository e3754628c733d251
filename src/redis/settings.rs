//! Where Redis is and how it is entered.

use std::path::PathBuf;

use crate::config::{HostPort, RedisMode, SecretSource, StoreConfig};

use super::RedisClientError;

/// What a link is made of. Holds no secret but in its [`SecretSource`], which does not print it.
#[derive(Clone, Debug)]
pub struct RedisClientSettings {
    /// Whom to connect to.
    pub servers: RedisServers,
    /// The user; empty: the default user.
    pub username: String,
    /// Its password, read for each new connection.
    pub password: Option<SecretSource>,
    /// The number of the database.
    pub db: u32,
    /// Whether connections, those to sentinels included, are encrypted.
    pub tls: Option<RedisTls>,
}

/// Whom to connect to.
#[derive(Clone, Debug)]
pub enum RedisServers {
    /// One server.
    Standalone(HostPort),
    /// The master that sentinels name.
    Sentinel {
        /// Where the sentinels are.
        sentinels: Vec<HostPort>,
        /// What they call the master.
        master_set: String,
    },
    /// A cluster, known by some of its nodes.
    Cluster(Vec<HostPort>),
}

/// How servers are trusted.
#[derive(Clone, Debug)]
pub struct RedisTls {
    /// PEM file with the authorities to trust, read for each new connection; `None`: those of the system.
    pub ca_file: Option<PathBuf>,
}

impl RedisClientSettings {
    /// What the section `store` says of Redis.
    ///
    /// # Errors
    /// Where it names no server.
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
                "the configuration names no server for store.redis_mode {}",
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
