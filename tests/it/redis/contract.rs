//! The contracts of the ports, in every mode. The tests of a mode share its servers; each has a key
//! prefix of its own.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use github_stats::meter::Unmetered;
use github_stats::redis::{RedisCall, RedisClient, RedisClientSettings, RedisServers, RedisTls};
use github_stats_actors::store::{FactStore, SharedState};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::{RESTRICTED_USER, fresh_prefix, host_port, password, plain, standalone_settings, store};
use crate::support;
use crate::support::redis::{RedisCluster, RedisServer, SentinelSetup};

macro_rules! contracts {
    ($module:ident, $settings:path) => {
        mod $module {
            use super::*;

            async fn facts() -> Arc<dyn FactStore> {
                store($settings().await, &fresh_prefix())
            }

            async fn entries() -> Arc<dyn SharedState> {
                store($settings().await, &fresh_prefix())
            }

            github_stats_actors::fact_store_contract!(
                a_store,
                super::facts,
                ignore = "needs redis-server; tests/run runs it"
            );
            github_stats_actors::shared_store_contract!(
                a_shared_store,
                super::facts,
                ignore = "needs redis-server; tests/run runs it"
            );
            github_stats_actors::shared_state_contract!(
                shared_state,
                super::entries,
                ignore = "needs redis-server; tests/run runs it"
            );
        }
    };
}

async fn standalone() -> RedisClientSettings {
    static SERVER: OnceCell<RedisServer> = OnceCell::const_new();
    standalone_settings(SERVER.get_or_init(|| RedisServer::start(&["save \"\""])).await)
}

async fn encrypted() -> RedisClientSettings {
    static SERVER: OnceCell<(RedisServer, PathBuf)> = OnceCell::const_new();
    let (server, ca_file) = SERVER
        .get_or_init(|| async {
            let tls = support::redis::TestCertificate::new();
            let server =
                RedisServer::start_with_tls(&tls, &["save \"\"", "user default off", RESTRICTED_USER]).await;
            let ca_file = server.directory().join("ca.pem");
            (server, ca_file)
        })
        .await;
    let tls = Some(RedisTls { ca_file: Some(ca_file.clone()) });
    RedisClientSettings {
        username: "ghs".to_owned(),
        password: password("sesame"),
        tls,
        ..standalone_settings(server)
    }
}

async fn sentinel() -> RedisClientSettings {
    static SENTINELS: OnceCell<SentinelSetup> = OnceCell::const_new();
    let setup = SENTINELS.get_or_init(SentinelSetup::start).await;
    let sentinels = setup.sentinels.iter().map(host_port).collect();
    plain(RedisServers::Sentinel { sentinels, master_set: "mymaster".to_owned() })
}

async fn cluster() -> RedisClientSettings {
    static CLUSTER: OnceCell<RedisCluster> = OnceCell::const_new();
    let cluster = CLUSTER.get_or_init(RedisCluster::start).await;
    plain(RedisServers::Cluster(cluster.nodes.iter().take(2).map(host_port).collect()))
}

contracts!(standalone_server, super::standalone);
contracts!(encrypted_for_a_restricted_user, super::encrypted);
contracts!(behind_sentinels, super::sentinel);
contracts!(in_a_cluster, super::cluster);

/// What one client publishes another receives.
async fn assert_received(settings: RedisClientSettings) {
    let (publisher, listener) = (
        RedisClient::new(settings.clone(), Arc::new(Unmetered)),
        RedisClient::new(settings, Arc::new(Unmetered)),
    );
    let channel = fresh_prefix();
    let mut received = Box::pin(listener.subscribe(&channel).await.expect("subscribed"));
    let mut publish = redis::cmd("PUBLISH");
    publish.arg(&channel).arg("released");
    let _: redis::Value = publisher.query(RedisCall::quick("elect"), &publish).await.expect("published");
    let message = timeout(Duration::from_secs(5), received.next()).await.expect("it is received");
    assert_eq!(message.as_deref(), Some(b"released".as_slice()));
}

#[tokio::test]
#[ignore = "needs redis-server; tests/run runs it"]
async fn a_published_message_is_received_in_every_mode() {
    for settings in [standalone().await, sentinel().await, cluster().await] {
        assert_received(settings).await;
    }
}
