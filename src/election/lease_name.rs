//! What leaderships go by.

use github_stats_actors::role::Shard;

use crate::config::LeaderElectionConfig;

/// What the leadership of a shard goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseName {
    /// The namespace, of a Lease.
    pub namespace: String,
    /// The name, of a Lease or of a key.
    pub name: String,
}

impl LeaseName {
    /// As configured. The first shard goes by the configured name, so that dividing organisations later moves as few as can be.
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
    fn the_first_shard_goes_by_the_configured_name() {
        let config = LeaderElectionConfig::default();
        let names: Vec<String> = Shard::all(3).map(|shard| LeaseName::of(&config, shard).name).collect();
        assert_eq!(names, ["github-stats-leader", "github-stats-leader-1", "github-stats-leader-2"]);
    }
}
