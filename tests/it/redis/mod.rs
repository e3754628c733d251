//! The store in Redis, against real servers.

mod contract;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use github_stats::config::{HostPort, Secret, SecretSource};
use github_stats::redis::{LinkSettings, Servers, Unmetered};
use github_stats::store::RedisStore;

use crate::support::redis::Server;

/// A prefix that no other test has.
fn fresh_prefix() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("test-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// Where a server is.
fn at(server: &Server) -> HostPort {
    HostPort { host: "127.0.0.1".to_owned(), port: server.port }
}

/// Settings without user, password or TLS.
fn plain(servers: Servers) -> LinkSettings {
    LinkSettings { servers, username: String::new(), password: None, db: 0, tls: None }
}

/// Settings of one server.
fn alone(server: &Server) -> LinkSettings {
    plain(Servers::Standalone(at(server)))
}

/// A password written in the configuration.
fn password(text: &str) -> Option<SecretSource> {
    Some(SecretSource::Inline(Secret::new(text)))
}

/// A store.
fn store(settings: LinkSettings, prefix: &str) -> Arc<RedisStore> {
    Arc::new(RedisStore::new(settings, prefix, Arc::new(Unmetered)))
}
