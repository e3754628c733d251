//! How shards are balanced over replicas: pure functions.

use serde::{Deserialize, Serialize};

/// What another replica reports about its leaderships. Replicas of other versions read it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerLoad {
    /// Whether it could lead more shards: its election backend answers.
    #[serde(rename = "stands")]
    pub can_lead: bool,
    /// How many shards it leads.
    #[serde(rename = "held")]
    pub shards_led: usize,
}

/// Whether a replica that leads `shards_led` shards may run for another one at once. Otherwise it
/// leaves a free shard to the others for a while, and takes it only if none of them has.
pub(super) fn may_campaign(shards_led: usize, others: &[PeerLoad]) -> bool {
    candidates(others).all(|other| shards_led <= other.shards_led)
}

/// Whether a replica that leads `shards_led` shards should give one up, because that would even out
/// the loads.
pub(super) fn should_yield(shards_led: usize, others: &[PeerLoad]) -> bool {
    candidates(others).any(|other| shards_led >= other.shards_led + 2)
}

fn candidates(others: &[PeerLoad]) -> impl Iterator<Item = &PeerLoad> {
    others.iter().filter(|other| other.can_lead)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn load(shards_led: usize) -> PeerLoad {
        PeerLoad { can_lead: true, shards_led }
    }

    #[test]
    fn a_single_replica_takes_every_shard_and_gives_none_up() {
        for held in 0..5 {
            assert!(may_campaign(held, &[]) && !should_yield(held, &[]));
            let unable = PeerLoad { can_lead: false, shards_led: 0 };
            assert!(
                may_campaign(held, &[unable]) && !should_yield(held, &[unable]),
                "it could not take over"
            );
        }
    }

    #[test]
    fn a_single_shard_is_open_to_every_replica_and_never_given_up() {
        assert!(may_campaign(0, &[load(0), load(1)]));
        assert!(!should_yield(1, &[load(0), load(0)]));
    }

    proptest! {
        /// One shard moves at a time, because replicas see each other's loads with little delay.
        #[test]
        fn yielding_ends_with_loads_that_differ_by_one_at_most(mut held in proptest::collection::vec(0usize..20, 1..6)) {
            let total: usize = held.iter().sum();
            for _ in 0..200 {
                let others = |held: &[usize], own: usize| -> Vec<PeerLoad> {
                    held.iter().enumerate().filter(|(n, _)| *n != own).map(|(_, held)| load(*held)).collect()
                };
                let Some(from) = (0..held.len()).find(|n| should_yield(held[*n], &others(&held, *n))) else { break };
                held[from] -= 1;
                let to = (0..held.len()).find(|n| may_campaign(held[*n], &others(&held, *n)));
                let to = to.expect("some replica may campaign at once");
                prop_assert!(to != from);
                held[to] += 1;
            }
            prop_assert_eq!(held.iter().sum::<usize>(), total);
            prop_assert!(held.iter().max().unwrap() - held.iter().min().unwrap() <= 1, "{:?}", held);
        }
    }
}
