//! Which election a configuration asks for.

use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join_all;
use github_stats_actors::role::{Elector, Role, Shard, StaticElector};

use super::fallback::FallbackElector;
use super::identity::identity;
use super::kubernetes::{self, KubernetesCluster};
use super::{KubernetesElector, LeaseName, LeaseTiming, RedisElector};
use crate::config::{Config, ElectionBackend, Environment, InitialRole};
use crate::redis::RedisClient;

/// How long the Kubernetes API may be silent after the start before a replica leads for itself, where nobody asked for an
/// election by Kubernetes in so many words.
const PATIENCE: Duration = Duration::from_secs(5);

/// What an election is chosen by, besides the configuration.
pub struct ElectionContext<'a> {
    /// This replica's name.
    pub replica: &'a str,
    /// The role where there is no election.
    pub initial_role: InitialRole,
    /// Tells whether there is a cluster around, and where.
    pub env: &'a Environment,
    /// The way to Redis, where the store is there.
    pub link: Option<RedisClient>,
}

/// One replica's part in the elections of a configuration.
struct Candidate<'a> {
    config: &'a Config,
    choice: Choice,
    identity: String,
    electorate: ElectionContext<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    Static(&'static str),
    Kubernetes { falls_back: bool, because: &'static str },
    Redis(&'static str),
}

/// The electors that the configuration asks for: one for each shard. Where nobody is elected, there is one shard.
pub fn electors(config: &Config, electorate: ElectionContext<'_>) -> Vec<Arc<dyn Elector>> {
    let choice = choose(config, KubernetesCluster::is_around(electorate.env), electorate.link.is_some());
    let shards = match choice {
        Choice::Static(_) => 1,
        Choice::Kubernetes { .. } | Choice::Redis(_) => config.leader_election.shards,
    };
    let identity = identity(electorate.replica);
    let candidate = Candidate { config, choice, identity, electorate };
    Shard::all(shards).map(|shard| candidate.elector(shard)).collect()
}

impl Candidate<'_> {
    fn elector(&self, shard: Shard) -> Arc<dyn Elector> {
        let election = &self.config.leader_election;
        let (timing, identity) = (LeaseTiming::from_config(election), self.identity.clone());
        match (self.choice, &self.electorate.link) {
            (Choice::Kubernetes { falls_back, because }, _) => {
                let (cluster, name) =
                    (KubernetesCluster::of(self.electorate.env), LeaseName::of(election, shard));
                let elector = KubernetesElector::new(cluster, name, identity, timing, because);
                if !falls_back {
                    return Arc::new(elector);
                }
                let instead = StaticElector::new(Role::Leader, election.lease_duration, because);
                Arc::new(FallbackElector::new(Box::new(elector), Box::new(instead), PATIENCE))
            }
            (Choice::Redis(because), Some(link)) => {
                let LeaseName { name, .. } = LeaseName::of(election, shard);
                let key = (self.config.store.key_prefix.as_str(), name.as_str());
                Arc::new(RedisElector::new(link.clone(), key, identity, timing, because))
            }
            (Choice::Static(because) | Choice::Redis(because), _) => {
                let role = match self.electorate.initial_role {
                    InitialRole::Leader => Role::Leader,
                    InitialRole::Follower => Role::Follower,
                };
                Arc::new(StaticElector::new(role, election.lease_duration, because))
            }
        }
    }
}

/// Looks at the Leases, where a configuration asks for elections by them.
pub async fn preflight(config: &Config, env: &Environment) -> Option<Result<String, String>> {
    let election = &config.leader_election;
    match choose(config, KubernetesCluster::is_around(env), config.store.is_shared()) {
        Choice::Kubernetes { .. } => {
            let look = |shard| {
                let name = LeaseName::of(election, shard);
                kubernetes::preflight(KubernetesCluster::of(env), name, election.renew_deadline)
            };
            let found = try_join_all(Shard::all(election.shards).map(look)).await;
            Some(found.map(|leases| leases.join("; ")))
        }
        Choice::Static(_) | Choice::Redis(_) => None,
    }
}

fn choose(config: &Config, in_cluster: bool, has_link: bool) -> Choice {
    let election = &config.leader_election;
    if !election.enabled {
        return Choice::Static("leader_election.enabled is false");
    }
    let asked = "leader_election.backend says so";
    match election.backend {
        ElectionBackend::Static => Choice::Static(asked),
        ElectionBackend::Kubernetes => Choice::Kubernetes { falls_back: false, because: asked },
        ElectionBackend::Redis if has_link => Choice::Redis(asked),
        ElectionBackend::Auto if !config.store.is_shared() => {
            Choice::Static("the store is not shared with other replicas")
        }
        ElectionBackend::Auto if in_cluster => Choice::Kubernetes {
            falls_back: true,
            because: "the store is shared, and this process runs in a cluster",
        },
        ElectionBackend::Auto if has_link => {
            Choice::Redis("the store is shared, and this process runs outside of a cluster")
        }
        ElectionBackend::Auto | ElectionBackend::Redis => Choice::Static("there is no way to Redis"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::StoreBackend;

    fn config(store: StoreBackend, backend: ElectionBackend) -> Config {
        let mut config = Config::default();
        config.store.backend = store;
        config.leader_election.backend = backend;
        config
    }

    #[test]
    fn auto_is_static_unless_the_store_is_shared_then_kubernetes_in_a_cluster_else_redis() {
        let chosen = |store, in_cluster| {
            choose(&config(store, ElectionBackend::Auto), in_cluster, store == StoreBackend::Redis)
        };
        for in_cluster in [false, true] {
            assert!(matches!(chosen(StoreBackend::Embedded, in_cluster), Choice::Static(_)));
            assert!(matches!(chosen(StoreBackend::Memory, in_cluster), Choice::Static(_)));
        }
        assert!(matches!(chosen(StoreBackend::Redis, false), Choice::Redis(_)));
        assert!(matches!(chosen(StoreBackend::Redis, true), Choice::Kubernetes { falls_back: true, .. }));
    }

    #[test]
    fn whoever_asks_for_a_backend_gets_it() {
        let chosen = |backend| choose(&config(StoreBackend::Redis, backend), true, true);
        assert!(matches!(chosen(ElectionBackend::Static), Choice::Static(_)));
        assert!(matches!(chosen(ElectionBackend::Redis), Choice::Redis(_)));
        assert!(matches!(chosen(ElectionBackend::Kubernetes), Choice::Kubernetes { falls_back: false, .. }));
        let mut disabled = config(StoreBackend::Redis, ElectionBackend::Kubernetes);
        disabled.leader_election.enabled = false;
        assert!(matches!(choose(&disabled, true, true), Choice::Static(_)));
    }

    #[tokio::test]
    async fn the_initial_role_is_for_those_who_do_not_elect() {
        use github_stats_actors::role::ElectionStatus;
        for (initial_role, leads) in [(InitialRole::Leader, true), (InitialRole::Follower, false)] {
            let env = Environment::default();
            let electorate = ElectionContext { replica: "r", initial_role, env: &env, link: None };
            let mut config = Config::default();
            config.leader_election.shards = 3;
            let electors = electors(&config, electorate);
            let [elector] = electors.as_slice() else { panic!("one shard, where nobody is elected") };
            let standing = elector.attempt().await.expect("an answer");
            assert_eq!(matches!(standing, ElectionStatus::Leader { .. }), leads);
            assert_eq!(elector.basis().backend, "static");
        }
    }
}
