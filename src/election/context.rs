//! Selects the election backend for a configuration.

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

/// How long the Kubernetes API may fail after the start before a replica leads without election.
/// Applies only if the backend was chosen automatically.
const FALLBACK_DELAY: Duration = Duration::from_secs(5);

/// What the choice of the election backend depends on, besides the configuration.
pub struct ElectionContext<'a> {
    /// The name of this replica.
    pub replica: &'a str,
    /// The role if there is no election.
    pub initial_role: InitialRole,
    /// The environment, in which Kubernetes clusters are detected.
    pub env: &'a Environment,
    /// The client for elections by Redis, if the store is in Redis.
    pub redis: Option<RedisClient>,
}

/// Creates the electors of one replica.
struct ElectorFactory<'a> {
    config: &'a Config,
    backend: ChosenBackend,
    identity: String,
    context: ElectionContext<'a>,
}

/// The election backend, and why it was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ChosenBackend {
    Static { reason: &'static str },
    Kubernetes { falls_back: bool, reason: &'static str },
    Redis { reason: &'static str },
}

/// The electors for a configuration: one per shard, or a single one if there is no election.
pub fn electors(config: &Config, context: ElectionContext<'_>) -> Vec<Arc<dyn Elector>> {
    let in_cluster = KubernetesCluster::is_detected(context.env);
    let backend = choose_backend(config, in_cluster, context.redis.is_some());
    let shards = match backend {
        ChosenBackend::Static { .. } => 1,
        ChosenBackend::Kubernetes { .. } | ChosenBackend::Redis { .. } => config.leader_election.shards,
    };
    let identity = identity(context.replica);
    let factory = ElectorFactory { config, backend, identity, context };
    Shard::all(shards).map(|shard| factory.elector(shard)).collect()
}

impl ElectorFactory<'_> {
    fn elector(&self, shard: Shard) -> Arc<dyn Elector> {
        let election = &self.config.leader_election;
        let (timing, identity) = (LeaseTiming::from_config(election), self.identity.clone());
        match (self.backend, &self.context.redis) {
            (ChosenBackend::Kubernetes { falls_back, reason }, _) => {
                let (cluster, name) =
                    (KubernetesCluster::of(self.context.env), LeaseName::of(election, shard));
                let elector = KubernetesElector::new(cluster, name, identity, timing, reason);
                if !falls_back {
                    return Arc::new(elector);
                }
                let fallback = StaticElector::new(Role::Leader, election.lease_duration, reason);
                Arc::new(FallbackElector::new(Box::new(elector), Box::new(fallback), FALLBACK_DELAY))
            }
            (ChosenBackend::Redis { reason }, Some(client)) => {
                let LeaseName { name, .. } = LeaseName::of(election, shard);
                let key = (self.config.store.key_prefix.as_str(), name.as_str());
                Arc::new(RedisElector::new(client.clone(), key, identity, timing, reason))
            }
            (ChosenBackend::Static { reason } | ChosenBackend::Redis { reason }, _) => {
                let role = match self.context.initial_role {
                    InitialRole::Leader => Role::Leader,
                    InitialRole::Follower => Role::Follower,
                };
                Arc::new(StaticElector::new(role, election.lease_duration, reason))
            }
        }
    }
}

/// Checks whether the Leases can be read. `None` if the configuration does not use Kubernetes for
/// elections.
pub async fn preflight(config: &Config, env: &Environment) -> Option<Result<String, String>> {
    let election = &config.leader_election;
    match choose_backend(config, KubernetesCluster::is_detected(env), config.store.is_shared()) {
        ChosenBackend::Kubernetes { .. } => {
            let check = |shard| {
                let name = LeaseName::of(election, shard);
                kubernetes::preflight(KubernetesCluster::of(env), name, election.renew_deadline)
            };
            let leases = try_join_all(Shard::all(election.shards).map(check)).await;
            Some(leases.map(|leases| leases.join("; ")))
        }
        ChosenBackend::Static { .. } | ChosenBackend::Redis { .. } => None,
    }
}

fn choose_backend(config: &Config, in_cluster: bool, has_redis: bool) -> ChosenBackend {
    let election = &config.leader_election;
    if !election.enabled {
        return ChosenBackend::Static { reason: "leader_election.enabled is false" };
    }
    let reason = "it is set as leader_election.backend";
    match election.backend {
        ElectionBackend::Static => ChosenBackend::Static { reason },
        ElectionBackend::Kubernetes => ChosenBackend::Kubernetes { falls_back: false, reason },
        ElectionBackend::Redis if has_redis => ChosenBackend::Redis { reason },
        ElectionBackend::Auto if !config.store.is_shared() => {
            ChosenBackend::Static { reason: "the store is not shared with other replicas" }
        }
        ElectionBackend::Auto if in_cluster => ChosenBackend::Kubernetes {
            falls_back: true,
            reason: "the store is shared, and this process runs in a Kubernetes cluster",
        },
        ElectionBackend::Auto if has_redis => ChosenBackend::Redis {
            reason: "the store is shared, and this process does not run in a Kubernetes cluster",
        },
        ElectionBackend::Auto | ElectionBackend::Redis => {
            ChosenBackend::Static { reason: "no Redis is configured" }
        }
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
            choose_backend(&config(store, ElectionBackend::Auto), in_cluster, store == StoreBackend::Redis)
        };
        for in_cluster in [false, true] {
            assert!(matches!(chosen(StoreBackend::Embedded, in_cluster), ChosenBackend::Static { .. }));
            assert!(matches!(chosen(StoreBackend::Memory, in_cluster), ChosenBackend::Static { .. }));
        }
        assert!(matches!(chosen(StoreBackend::Redis, false), ChosenBackend::Redis { .. }));
        assert!(matches!(
            chosen(StoreBackend::Redis, true),
            ChosenBackend::Kubernetes { falls_back: true, .. }
        ));
    }

    #[test]
    fn an_explicitly_configured_backend_is_used() {
        let chosen = |backend| choose_backend(&config(StoreBackend::Redis, backend), true, true);
        assert!(matches!(chosen(ElectionBackend::Static), ChosenBackend::Static { .. }));
        assert!(matches!(chosen(ElectionBackend::Redis), ChosenBackend::Redis { .. }));
        assert!(matches!(
            chosen(ElectionBackend::Kubernetes),
            ChosenBackend::Kubernetes { falls_back: false, .. }
        ));
        let mut disabled = config(StoreBackend::Redis, ElectionBackend::Kubernetes);
        disabled.leader_election.enabled = false;
        assert!(matches!(choose_backend(&disabled, true, true), ChosenBackend::Static { .. }));
    }

    #[tokio::test]
    async fn the_initial_role_applies_without_an_election() {
        use github_stats_actors::role::ElectionStatus;
        for (initial_role, leads) in [(InitialRole::Leader, true), (InitialRole::Follower, false)] {
            let env = Environment::default();
            let context = ElectionContext { replica: "r", initial_role, env: &env, redis: None };
            let mut config = Config::default();
            config.leader_election.shards = 3;
            let electors = electors(&config, context);
            let [elector] = electors.as_slice() else { panic!("one shard without an election") };
            let status = elector.attempt().await.expect("an answer");
            assert_eq!(matches!(status, ElectionStatus::Leader { .. }), leads);
            assert_eq!(elector.basis().backend, "static");
        }
    }
}
