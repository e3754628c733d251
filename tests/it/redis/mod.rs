//! The store in Redis, against real servers.

mod access;
mod contract;
mod damage;
mod failover;
mod measurements;
mod outages;
mod stress;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use github_stats_actors::activity::{
    Batch, Fact, FactId, HeadRead, LocChange, Oid, Record, RepoKey, RepoMeta, RepoState, Timestamp, Window,
};
use github_stats_actors::store::{FactStore, StoredRecord};

use github_stats::config::{HostPort, Secret, SecretSource};
use github_stats::meter::Unmetered;
use github_stats::redis::{RedisClientSettings, RedisServers};
use github_stats::store::RedisStore;

use crate::support::redis::RedisServer;

/// A user with exactly the permissions that the store needs, as in `docs/REDIS.md`.
const RESTRICTED_USER: &str = "user ghs on >sesame resetkeys ~test-* resetchannels -@all +@read +@write +@scripting \
                               +@connection -@dangerous +time +role +wait +info";

/// A key prefix that no other test uses.
fn fresh_prefix() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("test-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// The address of a server.
fn host_port(server: &RedisServer) -> HostPort {
    HostPort { host: "127.0.0.1".to_owned(), port: server.port }
}

/// Settings without user, password or TLS.
fn plain(servers: RedisServers) -> RedisClientSettings {
    RedisClientSettings { servers, username: String::new(), password: None, db: 0, tls: None }
}

/// Settings of one server.
fn standalone_settings(server: &RedisServer) -> RedisClientSettings {
    plain(RedisServers::Standalone(host_port(server)))
}

/// An inline password.
fn password(text: &str) -> Option<SecretSource> {
    Some(SecretSource::Inline(Secret::new(text)))
}

/// A store.
fn store(settings: RedisClientSettings, prefix: &str) -> Arc<RedisStore> {
    Arc::new(RedisStore::new(settings, prefix, Arc::new(Unmetered)))
}

/// A time, in seconds after a fixed start.
fn moment(seconds: u64) -> Timestamp {
    Timestamp::from_unix(1_800_000_000 + seconds as i64)
}

fn key(org: &str, id: &str) -> RepoKey {
    RepoKey { org: org.into(), id: id.into() }
}

/// The `number`-th batch of a repository: `count` records of its own, and the second from `number`
/// on as covered.
fn batch(key: &RepoKey, number: u64, count: u64) -> Batch {
    let record = |n| {
        let id = FactId::IssueComment(number * 10_000 + n);
        let fact = Fact { id, user: "ada".into(), at: moment(number), loc: LocChange::default() };
        (id, Record::observed(&fact, moment(number)))
    };
    let meta = RepoMeta { seen_at: moment(number), name: "api".into(), first_seen: moment(0) };
    let mut oid = [0; 20];
    oid[12..].copy_from_slice(&number.to_be_bytes());
    let mut batch = Batch::new(key.clone(), meta);
    batch.head = Some(HeadRead { read_at: moment(number), oid: Some(Oid::from_bytes(oid)) });
    batch.records = (0..count).map(record).collect();
    batch.covered.insert(Window::new(moment(2 * number), moment(2 * number + 1)).expect("a second"));
    batch
}

/// States and records.
type Contents = (Vec<RepoState>, Vec<StoredRecord>);

/// All contents of a store.
async fn contents(store: &dyn FactStore) -> Contents {
    let mut states = Vec::new();
    for org in store.organisations().await.expect("organisations") {
        states.extend(store.repositories(&org).await.expect("repositories"));
    }
    let (mut records, mut from) = (Vec::new(), None);
    loop {
        let page = store.scan(from, 1_000).await.expect("a page");
        records.extend(page.records);
        match page.next {
            Some(next) => from = Some(next),
            None => return (states, records),
        }
    }
}
