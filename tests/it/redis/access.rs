//! Authentication, TLS, permissions and the preflight check.

use github_stats::config::SecretSource;
use github_stats::redis::{FindingLevel, RedisClientSettings, RedisServers, RedisTls};
use github_stats_actors::store::{FactStore, SharedState, SharedTable, StoreError};

use super::{RESTRICTED_USER, fresh_prefix, host_port, password, plain, standalone_settings, store};
use crate::support;
use crate::support::redis::{RedisCluster, RedisServer};

fn refusal(error: StoreError) -> String {
    match error {
        StoreError::Unavailable(text) => text,
        other => panic!("it should be unavailable: {other}"),
    }
}

#[tokio::test]
#[ignore = "needs redis-server; tests/run runs it"]
async fn a_wrong_password_is_reported_with_the_key_to_check_and_never_shown() {
    let server = RedisServer::start(&["requirepass sesame"]).await;
    for wrong in [password("swordfish"), None] {
        let settings = RedisClientSettings { password: wrong, ..standalone_settings(&server) };
        assert!(!format!("{settings:?}").contains("swordfish"));
        let error = store(settings, "test-x").organisations().await.expect_err("refused");
        let text = refusal(error);
        assert!(text.contains("store.redis_password"), "{text}");
        assert!(!text.contains("swordfish") && !text.contains("sesame"), "{text}");
    }
    let settings = RedisClientSettings { password: password("sesame"), ..standalone_settings(&server) };
    store(settings, "test-x").organisations().await.expect("let in");
}

#[tokio::test]
#[ignore = "needs redis-server; tests/run runs it"]
async fn a_rotated_password_is_reloaded() {
    let server = RedisServer::start(&[]).await;
    let file = server.directory().join("password");
    std::fs::write(&file, "first\n").expect("written");
    let _: () = server.ask(&["ACL", "SETUSER", "ghs", "on", ">first", "~*", "+@all"]).await;
    let secret = Some(SecretSource::File(file.clone()));
    let settings =
        RedisClientSettings { username: "ghs".to_owned(), password: secret, ..standalone_settings(&server) };
    let store = store(settings, "test-x");
    store.organisations().await.expect("let in");
    std::fs::write(&file, "second\n").expect("written");
    let _: () = server.ask(&["ACL", "SETUSER", "ghs", "<first", ">second"]).await;
    let _: i64 = server.ask(&["CLIENT", "KILL", "USER", "ghs"]).await;
    store.organisations().await.expect("let in with the new password, on a new connection");
}

#[tokio::test]
#[ignore = "needs redis-server; tests/run runs it"]
async fn a_certificate_of_an_unknown_authority_is_not_trusted() {
    let tls = support::redis::TestCertificate::new();
    let server = RedisServer::start_with_tls(&tls, &[]).await;
    let wrong = server.directory().join("wrong.pem");
    std::fs::write(&wrong, support::redis::TestCertificate::new().ca).expect("written");
    let trusting =
        |file| RedisClientSettings { tls: Some(RedisTls { ca_file: file }), ..standalone_settings(&server) };
    let error = store(trusting(Some(wrong)), "test-x").organisations().await.expect_err("not trusted");
    let text = refusal(error);
    assert!(text.contains("store.redis_ca_file"), "{text}");
    let absent = Some(server.directory().join("absent.pem"));
    let text = refusal(store(trusting(absent), "test-x").organisations().await.expect_err("no file"));
    assert!(text.contains("absent.pem"), "{text}");
    let right = Some(server.directory().join("ca.pem"));
    store(trusting(right), "test-x").organisations().await.expect("trusted");
}

#[tokio::test]
#[ignore = "needs redis-server; tests/run runs it"]
async fn a_missing_permission_is_reported_with_the_key_to_check() {
    let server = RedisServer::start(&[RESTRICTED_USER]).await;
    let settings = RedisClientSettings {
        username: "ghs".to_owned(),
        password: password("sesame"),
        ..standalone_settings(&server)
    };
    let elsewhere = store(settings, "other-prefix");
    let error = elsewhere.put(SharedTable::Jobs, "key", b"", std::time::Duration::from_secs(1)).await;
    let text = refusal(error.expect_err("keys of that prefix are not the user's"));
    assert!(text.contains("store.redis_username"), "{text}");
}

// === Preflight ===

#[tokio::test]
#[ignore = "needs redis-server; tests/run runs it"]
async fn a_preflight_requires_noeviction_and_reports_what_it_cannot_check() {
    let server = RedisServer::start(&["appendonly yes", RESTRICTED_USER]).await;
    let good = store(standalone_settings(&server), &fresh_prefix()).preflight().await;
    assert_eq!(good.level(), FindingLevel::Good, "{good:#?}");
    let user = RedisClientSettings {
        username: "ghs".to_owned(),
        password: password("sesame"),
        ..standalone_settings(&server)
    };
    let partly = store(user, &fresh_prefix()).preflight().await;
    assert_eq!(partly.level(), FindingLevel::Doubtful, "{partly:#?}");
    assert!(partly.findings.iter().any(|f| f.text.contains("CONFIG GET")), "{partly:#?}");
    let _: () = server.ask(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).await;
    let bad = store(standalone_settings(&server), &fresh_prefix()).preflight().await;
    assert_eq!(bad.level(), FindingLevel::Bad, "{bad:#?}");
    assert!(bad.findings.iter().any(|f| f.text.contains("allkeys-lru")), "{bad:#?}");
    let nowhere =
        RedisServers::Standalone(github_stats::config::HostPort { host: "127.0.0.1".to_owned(), port: 1 });
    assert_eq!(store(plain(nowhere), "test-x").preflight().await.level(), FindingLevel::Bad);
}

#[tokio::test]
#[ignore = "needs redis-server; tests/run runs it"]
async fn a_preflight_checks_every_master_of_a_cluster() {
    let cluster = RedisCluster::start().await;
    let _: () = cluster.nodes[2].ask(&["CONFIG", "SET", "maxmemory-policy", "volatile-lru"]).await;
    let seeds = vec![host_port(&cluster.nodes[0])];
    let found = store(plain(RedisServers::Cluster(seeds)), &fresh_prefix()).preflight().await;
    let policies: Vec<_> = found.findings.iter().filter(|f| f.text.contains("maxmemory-policy")).collect();
    assert_eq!(policies.len(), 3, "{found:#?}");
    let bad: Vec<_> = policies.iter().filter(|f| f.level == FindingLevel::Bad).collect();
    assert!(matches!(bad[..], [f] if f.text.starts_with(&cluster.nodes[2].address())), "{found:#?}");
}
