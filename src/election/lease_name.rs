//! What leaderships go by.

use github_stats_actors::role::Shard;

use crate::config::LeaderElectionConfig;

/// The name of a shard's leadership: that of the first is the configured one, so that dividing organisations later moves as
/// few as can be.
pub(super) fn lease_name(config: &LeaderElectionConfig, shard: Shard) -> String {
    match shard.number() {
        0 => config.lease_name.clone(),
        number => format!("{}-{number}", config.lease_name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_shard_goes_by_the_configured_name() {
        let config = LeaderElectionConfig::default();
        let names: Vec<String> = Shard::all(3).map(|shard| lease_name(&config, shard)).collect();
        assert_eq!(names, ["github-stats-leader", "github-stats-leader-1", "github-stats-leader-2"]);
    }
}
