//! The store when Redis is full, emptied, read-only, or contains foreign keys.

use github_stats_actors::role::{Epoch, Shard};
use github_stats_actors::store::{FactStore, LogChanges, StoreError};

use super::outages::wait_until_available;
use super::{batch, key, moment, standalone_settings, store};
use crate::support::redis::RedisServer;

#[tokio::test]
#[ignore = "needs redis-server; tests/run runs it"]
async fn a_full_redis_is_reported_and_garbage_is_still_collected() {
    let server = RedisServer::start(&[]).await;
    let store = store(standalone_settings(&server), "test-full");
    let api = key("acme", "R_1");
    for number in 0..10 {
        store.write(batch(&api, number, 500)).await.expect("written");
    }
    let epoch = store.begin_epoch(Shard::WHOLE, Epoch(0)).await.expect("an epoch");
    let _: () = server.ask(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let refused = store.write(batch(&api, 10, 500)).await;
    assert!(matches!(&refused, Err(StoreError::Full(text)) if text.contains("maxmemory")), "{refused:?}");
    assert_eq!(store.records(&api, moment(0)).await.expect("reading goes on").len(), 5_000);
    let collected = store.collect_garbage(&api, moment(5), epoch).await.expect("collected").expect("known");
    assert_eq!(collected.removed, 2_500);
    assert_eq!(store.records(&api, moment(0)).await.expect("records").len(), 2_500);
    let _: () = server.ask(&["CONFIG", "SET", "maxmemory", "0"]).await;
    assert_eq!(store.write(batch(&api, 10, 500)).await.expect("there is capacity again").changed.len(), 500);
}

#[tokio::test]
#[ignore = "needs redis-server; tests/run runs it"]
async fn a_follower_notices_that_everything_was_lost_even_after_new_writes() {
    let server = RedisServer::start(&[]).await;
    let store = store(standalone_settings(&server), "test-flushed");
    let (api, web) = (key("acme", "R_1"), key("zeta", "R_2"));
    for key in [&api, &web] {
        store.write(batch(key, 0, 5)).await.expect("written");
    }
    let position = store.position().await.expect("a position");
    let _: () = server.ask(&["FLUSHALL"]).await;
    assert!(matches!(store.changes(&position).await.expect("changes"), LogChanges::Lost));
    for number in 0..5 {
        store.write(batch(&api, number, 5)).await.expect("written");
    }
    store.write(batch(&web, 0, 5)).await.expect("written");
    assert!(matches!(store.changes(&position).await.expect("changes"), LogChanges::Lost));
    let again = store.position().await.expect("a position");
    assert_ne!(again, position);
    assert!(
        matches!(store.changes(&again).await.expect("changes"), LogChanges::Changes { changes, .. } if changes.is_empty())
    );
}

#[tokio::test]
#[ignore = "needs redis-server; tests/run runs it"]
async fn an_organisation_missing_from_the_list_is_listed_again() {
    let server = RedisServer::start(&[]).await;
    let store = store(standalone_settings(&server), "test-list");
    store.write(batch(&key("acme", "R_1"), 0, 5)).await.expect("written");
    let position = store.position().await.expect("a position");
    let _: i64 = server.ask(&["DEL", "test-list:1:orgs"]).await;
    store.write(batch(&key("acme", "R_1"), 1, 5)).await.expect("written");
    let followed = store.changes(&position).await.expect("changes");
    assert!(matches!(followed, LogChanges::Changes { changes, .. } if changes.len() == 1));
    assert_eq!(store.organisations().await.expect("organisations"), ["acme".into()]);
}

#[tokio::test]
#[ignore = "needs redis-server; tests/run runs it"]
async fn a_read_only_replica_is_unavailable_until_it_is_a_master_again() {
    let (master, server) = tokio::join!(RedisServer::start(&[]), RedisServer::start(&[]));
    let store = store(standalone_settings(&server), "test-replica");
    let api = key("acme", "R_1");
    store.write(batch(&api, 0, 5)).await.expect("written");
    let _: () = server.ask(&["REPLICAOF", "127.0.0.1", &master.port.to_string()]).await;
    server.wait_for::<String>(&["INFO", "replication"], |text| text.contains("master_link_status:up")).await;
    let refused = store.write(batch(&api, 1, 5)).await;
    assert!(
        matches!(&refused, Err(StoreError::Unavailable(text)) if text.contains("read-only")),
        "{refused:?}"
    );
    let _: () = server.ask(&["REPLICAOF", "NO", "ONE"]).await;
    wait_until_available(store.as_ref()).await;
    store.write(batch(&api, 1, 5)).await.expect("written again");
}

#[tokio::test]
#[ignore = "needs redis-server; tests/run runs it"]
async fn foreign_and_broken_keys_are_reported_as_damage() {
    let server = RedisServer::start(&[]).await;
    let store = store(standalone_settings(&server), "test-broken");
    let api = key("acme", "R_1");
    store.write(batch(&api, 0, 5)).await.expect("written");
    let _: i64 = server.ask(&["HSET", "test-broken:1:{acme}:facts:R_1", "nonsense", "x"]).await;
    let broken = store.records(&api, moment(0)).await;
    assert!(matches!(&broken, Err(StoreError::Damaged(text)) if text.contains("acme/R_1")), "{broken:?}");
    let _: () = server.ask(&["SET", "test-broken:1:{acme}:facts:R_2", "x"]).await;
    let foreign = store.write(batch(&key("acme", "R_2"), 0, 5)).await;
    assert!(matches!(&foreign, Err(StoreError::Damaged(text)) if text.contains("key_prefix")), "{foreign:?}");
    let states = store.repositories(&"acme".into()).await.expect("repositories");
    assert_eq!(states.len(), 1, "a refused write has no effect");
    let _: i64 = server.ask(&["HSET", "test-broken:1:{acme}:repos", "R_1", "0123456789abcdef{}"]).await;
    let broken = store.repositories(&"acme".into()).await;
    assert!(matches!(&broken, Err(StoreError::Damaged(text)) if text.contains("R_1")), "{broken:?}");
}
