//! Election by a key in a real Redis.

use std::sync::Arc;

use async_trait::async_trait;
use github_stats::config::HostPort;
use github_stats::election::{RedisElector, identity};
use github_stats::meter::Unmetered;
use github_stats::redis::{RedisClient, RedisClientSettings, RedisServers};
use github_stats_actors::role::contract::{Competitors, Timing};
use github_stats_actors::role::{ElectionStatus, Elector};

use super::{Networks, lease_timing, timing};
use crate::support::redis::RedisServer;

struct RedisElectionFixture {
    server: RedisServer,
    networks: Networks,
}

#[async_trait]
impl Competitors for RedisElectionFixture {
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
        let client = RedisClient::new(settings, Arc::new(Unmetered));
        Arc::new(RedisElector::new(client, ("test", "leader"), identity(name), lease_timing(), "a test"))
    }

    async fn cut(&self, name: &str, cut: bool) {
        self.networks.cut(name, cut);
    }
}

async fn fixture() -> RedisElectionFixture {
    let server = RedisServer::start(&["save \"\""]).await;
    let address = server.address().parse().expect("an address");
    RedisElectionFixture { server, networks: Networks::to(address) }
}

async fn competitors() -> Arc<dyn Competitors> {
    Arc::new(fixture().await)
}

github_stats_actors::elector_contract!(
    contract,
    super::competitors,
    ignore = "needs redis-server; tests/run runs it"
);

#[tokio::test]
#[ignore = "needs redis-server; tests/run runs it"]
async fn a_leader_starts_a_new_term_when_redis_has_lost_its_key() {
    let fixture = fixture().await;
    let elector = fixture.join("a").await;
    let term = |status| match status {
        Ok(ElectionStatus::Leader { term, .. }) => term,
        other => panic!("it should lead: {other:?}"),
    };
    let first = term(elector.attempt().await);
    let _: String = fixture.server.ask(&["FLUSHALL"]).await;
    assert!(term(elector.attempt().await) > first, "another replica may have led meanwhile");
}
