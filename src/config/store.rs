//! The section `store`.

use std::path::PathBuf;
use std::time::Duration;

use super::checks::Checks;
use super::closed_set::closed_set;
use super::section::section;
use super::{ConfigError, HostPort, Secret, SecretSource, format_duration};

section! {
    /// Where facts and coverage are kept.
    pub struct StoreConfig {
        /// `embedded`: a file of this replica; `redis`: shared by all replicas; `memory`: lost at
        /// exit.
        backend: StoreBackend = StoreBackend::Embedded,
        /// Directory of the embedded store, the outbox and the records collected while Redis is
        /// unavailable.
        path: PathBuf = PathBuf::from("./data"),
        /// Prefix of every key in Redis.
        key_prefix: String = "ghs".to_owned(),
        /// How long facts are kept, and how far back gaps are filled.
        retention: Duration = Duration::from_secs(30 * 86_400),
        /// Activity series that are exposed at most; further ones are counted as rejected.
        max_series_budget: u64 = 1_000_000,
        /// The topology of Redis.
        redis_mode: RedisMode = RedisMode::Standalone,
        /// The server in mode `standalone`.
        redis_addr: Option<HostPort> = None,
        /// Servers from which the topology of the cluster is discovered, in mode `cluster`.
        redis_addrs: Vec<HostPort> = Vec::new(),
        /// Name of the master in mode `sentinel`.
        redis_master_set: String = "mymaster".to_owned(),
        /// The sentinels in mode `sentinel`.
        redis_sentinel_addrs: Vec<HostPort> = Vec::new(),
        /// User name, if Redis uses access control lists.
        redis_username: String = String::new(),
        /// Password of Redis.
        redis_password: Secret = Secret::default(),
        /// File that contains `redis_password`, read again when it changes.
        redis_password_file: Option<PathBuf> = None,
        /// Number of the database; a cluster has only 0.
        redis_db: u32 = 0,
        /// Whether connections are encrypted.
        redis_tls: bool = false,
        /// PEM file with the trusted certificates; empty: those of the system.
        redis_ca_file: Option<PathBuf> = None,
    }
}

closed_set! {
    /// Where facts and coverage are kept.
    pub enum StoreBackend {
        /// A file of this replica.
        Embedded = "embedded",
        /// A Redis that all replicas share.
        Redis = "redis",
        /// The memory of this process.
        Memory = "memory",
    }
}

closed_set! {
    /// The topology of Redis.
    pub enum RedisMode {
        /// One server.
        Standalone = "standalone",
        /// A master that is discovered through sentinels.
        Sentinel = "sentinel",
        /// A Redis Cluster.
        Cluster = "cluster",
    }
}

impl StoreConfig {
    /// Whether all replicas share the store.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.backend == StoreBackend::Redis
    }

    /// Whether a replica keeps anything in [`StoreConfig::path`].
    #[must_use]
    pub fn has_directory(&self) -> bool {
        self.backend != StoreBackend::Memory
    }

    /// The password of Redis, if one is configured.
    #[must_use]
    pub fn redis_password(&self) -> Option<SecretSource> {
        SecretSource::of(&self.redis_password, self.redis_password_file.as_deref())
    }

    pub(super) fn check(&self, checks: &mut Checks<'_>) -> Result<(), ConfigError> {
        checks.positive("store.retention", self.retention)?;
        if self.retention < Duration::from_secs(14 * 86_400) {
            checks.warn(
                "store.retention",
                &format!(
                    "{} is less than 14d, so weekly lines of code may be incomplete",
                    format_duration(self.retention)
                ),
            );
        }
        checks.at_least_one("store.max_series_budget", self.max_series_budget)?;
        checks.require(!self.path.as_os_str().is_empty(), &["store.path"], || {
            "store.path is empty; set a directory such as ./data".to_owned()
        })?;
        checks.require(is_key_prefix(&self.key_prefix), &["store.key_prefix"], || {
            format!(
                "store.key_prefix must be 1 to 64 letters, digits, '-', '_', '.' or ':', but is {:?}",
                self.key_prefix
            )
        })?;
        checks.not_both(
            "store.redis_password",
            !self.redis_password.is_empty(),
            self.redis_password_file.is_some(),
        )?;
        if self.is_shared() { self.check_redis(checks) } else { self.check_no_redis(checks) }
    }

    fn check_redis(&self, checks: &mut Checks<'_>) -> Result<(), ConfigError> {
        let (key, found) = match self.redis_mode {
            RedisMode::Standalone => ("store.redis_addr", self.redis_addr.is_some()),
            RedisMode::Sentinel => ("store.redis_sentinel_addrs", !self.redis_sentinel_addrs.is_empty()),
            RedisMode::Cluster => ("store.redis_addrs", !self.redis_addrs.is_empty()),
        };
        checks.require(found, &[key, "store.redis_mode", "store.backend"], || {
            format!("store.backend is redis in mode {}, but {key} is empty", self.redis_mode)
        })?;
        let sentinel = self.redis_mode == RedisMode::Sentinel;
        checks.require(
            !sentinel || !self.redis_master_set.trim().is_empty(),
            &["store.redis_master_set"],
            || "store.redis_master_set is empty, but sentinels need the name of the master".to_owned(),
        )?;
        let cluster = self.redis_mode == RedisMode::Cluster;
        checks.require(!cluster || self.redis_db == 0, &["store.redis_db"], || {
            format!("store.redis_db is {}, but a Redis cluster has only database 0", self.redis_db)
        })?;
        if self.redis_ca_file.is_some() && !self.redis_tls {
            checks.warn("store.redis_ca_file", "it is not used, because store.redis_tls is false");
        }
        Ok(())
    }

    fn check_no_redis(&self, checks: &mut Checks<'_>) -> Result<(), ConfigError> {
        let addressed = [
            ("store.redis_addr", self.redis_addr.is_some()),
            ("store.redis_addrs", !self.redis_addrs.is_empty()),
            ("store.redis_sentinel_addrs", !self.redis_sentinel_addrs.is_empty()),
        ];
        for (key, _) in addressed.into_iter().filter(|(_, set)| *set) {
            checks.warn(key, &format!("it is not used, because store.backend is {}", self.backend));
        }
        Ok(())
    }
}

/// Braces would change the hash slot of a key, and white space breaks tools.
fn is_key_prefix(prefix: &str) -> bool {
    let valid = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':');
    (1..=64).contains(&prefix.len()) && prefix.bytes().all(valid)
}
