//! The names of leases.

use github_stats_actors::role::Shard;

use crate::config::LeaderElectionConfig;

/// The name of the lease of a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseName {
    /// The namespace of the Kubernetes Lease.
    pub namespace: String,
    /// The name of the Kubernetes Lease, or the last part of the Redis key.
    pub name: String,
}

impl LeaseName {
    /// The configured name, with the shard's number appended except for the first shard. The first
    /// shard thus keeps its lease if the number of shards is raised later.
    pub fn of(config: &LeaderElectionConfig, shard: Shard) -> Self {
        let name = match shard.number() {
            0 => config.lease_name.clone(),
            number => format!("{}-{number}", config.lease_name),
        };
        LeaseName { namespace: config.namespace.clone(), name }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_shard_has_the_configured_name() {
        let config = LeaderElectionConfig::default();
        let names: Vec<String> = Shard::all(3).map(|shard| LeaseName::of(&config, shard).name).collect();
        assert_eq!(names, ["github-stats-leader", "github-stats-leader-1", "github-stats-leader-2"]);
    }
}
