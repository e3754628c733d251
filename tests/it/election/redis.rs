//! By a key of a real Redis.

use std::sync::Arc;

use async_trait::async_trait;
use github_stats::config::HostPort;
use github_stats::election::{RedisElector, identity};
use github_stats::meter::Unmetered;
use github_stats::redis::{RedisClient, RedisClientSettings, RedisServers};
use github_stats_actors::role::contract::{Competitors, Timing};
use github_stats_actors::role::{ElectionStatus, Elector};

use super::{Networks, lasting, timing};
use crate::support::redis::{Server, installed};

struct Stage {
    server: Server,
    networks: Networks,
}

#[async_trait]
impl Competitors for Stage {
    fn timing(&self) -> Timing {
        timing()
    }

    async fn join(&self, name: &str) -> Arc<dyn Elector> {
        let address = self.networks.of(name).await;
        let server = HostPort { host: "127.0.0.1".to_owned(), port: address.port() };
        let settings = RedisClientSettings {
            servers: RedisServers::Standalone(server),
            username: String::new(),
            password: None,
            db: 0,
            tls: None,
        };
        let link = RedisClient::new(settings, Arc::new(Unmetered));
        Arc::new(RedisElector::new(link, ("test", "leader"), identity(name), lasting(), "a test"))
    }

    async fn cut(&self, name: &str, cut: bool) {
        self.networks.cut(name, cut);
    }
}

async fn stage() -> Option<Stage> {
    if !installed() {
        return None;
    }
    let server = Server::start(&["save \"\""]).await;
    let address = server.address().parse().expect("an address");
    Some(Stage { server, networks: Networks::to(address) })
}

async fn rivals() -> Option<Arc<dyn Competitors>> {
    Some(Arc::new(stage().await?))
}

github_stats_actors::elector_contract!(contract, super::rivals);

#[tokio::test]
async fn a_redis_that_forgot_who_leads_makes_the_leader_begin_anew() {
    let Some(stage) = stage().await else { return };
    let elector = stage.join("a").await;
    let term = |standing| match standing {
        Ok(ElectionStatus::Leader { term, .. }) => term,
        other => panic!("it should lead: {other:?}"),
    };
    let first = term(elector.attempt().await);
    let _: String = stage.server.ask(&["FLUSHALL"]).await;
    assert!(term(elector.attempt().await) > first, "somebody else might have led meanwhile");
}
