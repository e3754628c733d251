//! The section `leader_election`.

use std::time::Duration;

use super::checks::Checks;
use super::closed_set::closed_set;
use super::section::section;
use super::{ConfigError, StoreConfig};

section! {
    /// Which replica schedules scrapes and collects garbage.
    pub struct LeaderElectionConfig {
        /// Whether replicas elect a leader; if not, `GITHUB_STATS_INITIAL_ROLE` sets the role of
        /// this one.
        enabled: bool = true,
        /// How the leader is elected; `auto`: static unless the store is shared, then kubernetes in
        /// a cluster, else redis.
        backend: ElectionBackend = ElectionBackend::Auto,
        /// Kubernetes namespace of the Lease.
        namespace: String = "github-stats".to_owned(),
        /// Name of the Lease, or of the Redis key.
        lease_name: String = "github-stats-leader".to_owned(),
        /// Number of shards: organisations are divided among that many leases.
        shards: u32 = 1,
        /// How long a lease is valid without renewal, and so the longest time without a leader.
        lease_duration: Duration = Duration::from_secs(15),
        /// How long a leader tries to renew before it steps down; shorter than `lease_duration`.
        renew_deadline: Duration = Duration::from_secs(10),
        /// Time between attempts to acquire or renew a lease; shorter than `renew_deadline`.
        retry_period: Duration = Duration::from_secs(2),
    }
}

closed_set! {
    /// How the leader is elected.
    pub enum ElectionBackend {
        /// Chosen according to the store and the environment.
        Auto = "auto",
        /// A Lease of the Kubernetes API.
        Kubernetes = "kubernetes",
        /// A key in Redis.
        Redis = "redis",
        /// No election; the role is `GITHUB_STATS_INITIAL_ROLE`.
        Static = "static",
    }
}

impl LeaderElectionConfig {
    pub(super) fn check(&self, checks: &mut Checks<'_>, store: &StoreConfig) -> Result<(), ConfigError> {
        self.check_times(checks)?;
        checks.between("leader_election.shards", self.shards, 1, 256)?;
        for (key, name) in
            [("leader_election.namespace", &self.namespace), ("leader_election.lease_name", &self.lease_name)]
        {
            checks.require(is_kubernetes_name(name), &[key], || {
                format!("{key} must consist of at most 253 lower-case letters, digits, '-' and '.', but is {name:?}")
            })?;
        }
        self.check_store(checks, store)
    }

    fn check_times(&self, checks: &Checks<'_>) -> Result<(), ConfigError> {
        const LEASE: &str = "leader_election.lease_duration";
        const RENEW: &str = "leader_election.renew_deadline";
        const RETRY: &str = "leader_election.retry_period";
        checks.positive(RETRY, self.retry_period)?;
        checks.shorter((RETRY, self.retry_period), (RENEW, self.renew_deadline))?;
        checks.shorter((RENEW, self.renew_deadline), (LEASE, self.lease_duration))
    }

    /// Replicas that do not share a store would collect everything independently.
    fn check_store(&self, checks: &Checks<'_>, store: &StoreConfig) -> Result<(), ConfigError> {
        const BACKEND: &str = "leader_election.backend";
        let elects = matches!(self.backend, ElectionBackend::Kubernetes | ElectionBackend::Redis);
        checks.require(!self.enabled || !elects || store.is_shared(), &[BACKEND, "store.backend"], || {
            format!(
                "{BACKEND} is {}, but store.backend is {}, which replicas do not share; \
                 use store.backend: redis, or {BACKEND}: auto or static",
                self.backend, store.backend,
            )
        })
    }
}

fn is_kubernetes_name(name: &str) -> bool {
    let valid = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.');
    !name.is_empty()
        && name.len() <= 253
        && name.bytes().all(valid)
        && !name.starts_with(['-', '.'])
        && !name.ends_with(['-', '.'])
}
