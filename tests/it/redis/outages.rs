//! Servers that die, hang, and recover.

use std::time::Duration;

use futures::future::join_all;
use github_stats_actors::store::{FactStore, SharedState, SharedTable, StoreError};
use tokio::time::{Instant, sleep};

use super::{batch, contents, key, moment, standalone_settings, store};
use crate::support::redis::RedisServer;

/// How long a store may take to work again.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Waits until both connections of the store work.
pub async fn wait_until_available(store: &dyn FactStore) {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let answers =
            (store.organisations().await.err(), store.records(&key("acme", "R_1"), moment(0)).await.err());
        if let (None, None) = answers {
            return;
        }
        assert!(Instant::now() < deadline, "it does not work again: {answers:?}");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
#[ignore = "needs redis-server; tests/run runs it"]
async fn a_store_without_a_server_fails_at_once_and_works_when_the_server_starts() {
    let mut server = RedisServer::start(&[]).await;
    server.kill();
    let store = store(standalone_settings(&server), "test-lazy");
    let begun = Instant::now();
    let answers = join_all((0..200).map(|_| store.organisations())).await;
    assert!(answers.iter().all(|answer| matches!(answer, Err(StoreError::Unavailable(_)))));
    assert!(begun.elapsed() < Duration::from_secs(1), "two hundred calls took {:?}", begun.elapsed());
    assert_eq!(store.connections(), (0, 2));
    server.restart().await;
    wait_until_available(store.as_ref()).await;
    store.write(batch(&key("acme", "R_1"), 0, 5)).await.expect("written");
    assert_eq!(store.connections(), (2, 2));
}

#[tokio::test]
#[ignore = "needs redis-server; tests/run runs it"]
async fn acknowledged_writes_survive_a_crash_if_redis_persists_them() {
    let mut server = RedisServer::start(&["appendonly yes", "appendfsync always"]).await;
    let store = store(standalone_settings(&server), "test-crash");
    let api = key("acme", "R_1");
    for number in 0..50 {
        store.write(batch(&api, number, 10)).await.expect("written");
    }
    let before = contents(store.as_ref()).await;
    server.kill();
    let lost = store.write(batch(&api, 50, 10)).await;
    assert!(matches!(lost, Err(StoreError::Unavailable(_))), "{lost:?}");
    server.restart().await;
    wait_until_available(store.as_ref()).await;
    assert_eq!(contents(store.as_ref()).await, before);
    store.write(batch(&api, 50, 10)).await.expect("written");
    assert_eq!(store.records(&api, moment(0)).await.expect("records").len(), 510);
}

#[tokio::test]
#[ignore = "needs redis-server; tests/run runs it"]
async fn a_hanging_server_blocks_no_call_longer_than_the_deadline() {
    let server = RedisServer::start(&[]).await;
    let store = store(standalone_settings(&server), "test-hang");
    let api = key("acme", "R_1");
    store.write(batch(&api, 0, 10)).await.expect("written");
    server.signal("STOP");
    let begun = Instant::now();
    let hanging = store.get(SharedTable::Jobs, "key").await;
    assert!(
        matches!(&hanging, Err(StoreError::Unavailable(text)) if text.contains("did not answer")),
        "{hanging:?}"
    );
    assert!(begun.elapsed() < Duration::from_secs(4), "it took {:?}", begun.elapsed());
    // The first calls find that connecting fails; the others fail at once.
    let begun = Instant::now();
    let calls = (0..100).map(|_| async { store.get(SharedTable::Jobs, "key").await.is_err() });
    assert!(join_all(calls).await.into_iter().all(|failed| failed));
    let write = store.write(batch(&api, 1, 10)).await;
    assert!(matches!(write, Err(StoreError::Unavailable(_))), "{write:?}");
    assert!(
        begun.elapsed() < Duration::from_secs(8),
        "a hundred calls and a write took {:?}",
        begun.elapsed()
    );
    server.signal("CONT");
    wait_until_available(store.as_ref()).await;
    store.write(batch(&api, 1, 10)).await.expect("written");
    assert_eq!(store.records(&api, moment(0)).await.expect("records").len(), 20);
}

#[tokio::test]
#[ignore = "needs redis-server; tests/run runs it"]
async fn a_restart_between_two_calls_causes_no_error() {
    let mut server = RedisServer::start(&["appendonly yes", "appendfsync always"]).await;
    let store = store(standalone_settings(&server), "test-restart");
    let api = key("acme", "R_1");
    for number in 0..5 {
        store.write(batch(&api, number, 10)).await.expect("written");
        server.kill();
        server.restart().await;
        server.wait_for::<String>(&["PING"], |answer| answer == "PONG").await;
    }
    assert_eq!(store.records(&api, moment(0)).await.expect("records").len(), 50);
}
