//! The contracts of the ports, in every mode. The servers of a mode are shared by its tests; the prefix is not.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use github_stats::meter::Unmetered;
use github_stats::redis::{RedisCall, RedisClient, RedisClientSettings, RedisServers, RedisTls};
use github_stats_actors::store::{FactStore, SharedState};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::{RESTRICTED_USER, alone, at, fresh_prefix, password, plain, store};
use crate::support;
use crate::support::redis::{Cluster, Server, WatchedExporter, installed};

macro_rules! contracts {
    ($module:ident, $settings:path) => {
        mod $module {
            use super::*;

            async fn facts() -> Option<Arc<dyn FactStore>> {
                Some(store($settings().await?, &fresh_prefix()))
            }

            async fn entries() -> Option<Arc<dyn SharedState>> {
                Some(store($settings().await?, &fresh_prefix()))
            }

            github_stats_actors::fact_store_contract!(a_store, super::facts);
            github_stats_actors::shared_store_contract!(a_shared_store, super::facts);
            github_stats_actors::shared_state_contract!(shared_state, super::entries);
        }
    };
}

async fn standalone() -> Option<RedisClientSettings> {
    static SERVER: OnceCell<Server> = OnceCell::const_new();
    if !installed() {
        return None;
    }
    Some(alone(SERVER.get_or_init(|| Server::start(&["save \"\""])).await))
}

async fn encrypted() -> Option<RedisClientSettings> {
    static SERVER: OnceCell<(Server, PathBuf)> = OnceCell::const_new();
    if !installed() {
        return None;
    }
    let (server, ca_file) = SERVER
        .get_or_init(|| async {
            let tls = support::redis::Tls::new();
            let server =
                Server::start_with_tls(&tls, &["save \"\"", "user default off", RESTRICTED_USER]).await;
            let ca_file = server.directory().join("ca.pem");
            (server, ca_file)
        })
        .await;
    let tls = Some(RedisTls { ca_file: Some(ca_file.clone()) });
    Some(RedisClientSettings {
        username: "ghs".to_owned(),
        password: password("sesame"),
        tls,
        ..alone(server)
    })
}

async fn sentinel() -> Option<RedisClientSettings> {
    static WATCHED: OnceCell<WatchedExporter> = OnceCell::const_new();
    if !installed() {
        return None;
    }
    let watched = WATCHED.get_or_init(WatchedExporter::start).await;
    let sentinels = watched.sentinels.iter().map(at).collect();
    Some(plain(RedisServers::Sentinel { sentinels, master_set: "mymaster".to_owned() }))
}

async fn cluster() -> Option<RedisClientSettings> {
    static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
    if !installed() {
        return None;
    }
    let cluster = CLUSTER.get_or_init(Cluster::start).await;
    Some(plain(RedisServers::Cluster(cluster.nodes.iter().take(2).map(at).collect())))
}

contracts!(standalone_server, super::standalone);
contracts!(encrypted_for_a_restricted_user, super::encrypted);
contracts!(behind_sentinels, super::sentinel);
contracts!(in_a_cluster, super::cluster);

/// What is published over one link is heard over another.
async fn assert_heard(settings: RedisClientSettings) {
    let (speaker, listener) = (
        RedisClient::new(settings.clone(), Arc::new(Unmetered)),
        RedisClient::new(settings, Arc::new(Unmetered)),
    );
    let channel = fresh_prefix();
    let mut heard = Box::pin(listener.subscribe(&channel).await.expect("subscribed"));
    let mut publish = redis::cmd("PUBLISH");
    publish.arg(&channel).arg("released");
    let _: redis::Value = speaker.query(RedisCall::quick("elect"), &publish).await.expect("published");
    let message = timeout(Duration::from_secs(5), heard.next()).await.expect("it is heard");
    assert_eq!(message.as_deref(), Some(b"released".as_slice()));
}

#[tokio::test]
async fn what_is_published_is_heard_in_every_mode() {
    for settings in [standalone().await, sentinel().await, cluster().await].into_iter().flatten() {
        assert_heard(settings).await;
    }
}
