//! Which replica leads how many shards: plain functions.

use serde::{Deserialize, Serialize};

/// What another replica tells of its leaderships.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerLoad {
    /// Whether it could lead more: its election answers.
    pub stands: bool,
    /// How many shards it leads.
    pub held: usize,
}

/// Whether one that leads `held` shards may run for another at once. Otherwise it leaves a free one to others for a while,
/// and takes it only when nobody else has.
pub(super) fn may_run(held: usize, others: &[PeerLoad]) -> bool {
    standing(others).all(|other| held <= other.held)
}

/// Whether one that leads `held` shards should give one up, because the loads are closer to each other then.
pub(super) fn should_yield(held: usize, others: &[PeerLoad]) -> bool {
    standing(others).any(|other| held >= other.held + 2)
}

fn standing(others: &[PeerLoad]) -> impl Iterator<Item = &PeerLoad> {
    others.iter().filter(|other| other.stands)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn load(held: usize) -> PeerLoad {
        PeerLoad { stands: true, held }
    }

    #[test]
    fn who_is_alone_takes_everything_and_gives_nothing_up() {
        for held in 0..5 {
            assert!(may_run(held, &[]) && !should_yield(held, &[]));
            let deaf = PeerLoad { stands: false, held: 0 };
            assert!(may_run(held, &[deaf]) && !should_yield(held, &[deaf]), "it could not take over");
        }
    }

    #[test]
    fn a_single_shard_is_anybodys_and_never_given_up() {
        assert!(may_run(0, &[load(0), load(1)]));
        assert!(!should_yield(1, &[load(0), load(0)]));
    }

    proptest! {
        /// One moves at a time, as what they tell each other is at most a moment old.
        #[test]
        fn yielding_ends_with_loads_that_differ_by_one_at_most(mut held in proptest::collection::vec(0usize..20, 1..6)) {
            let total: usize = held.iter().sum();
            for _ in 0..200 {
                let others = |held: &[usize], own: usize| -> Vec<PeerLoad> {
                    held.iter().enumerate().filter(|(n, _)| *n != own).map(|(_, held)| load(*held)).collect()
                };
                let Some(from) = (0..held.len()).find(|n| should_yield(held[*n], &others(&held, *n))) else { break };
                held[from] -= 1;
                let to = (0..held.len()).find(|n| may_run(held[*n], &others(&held, *n)));
                let to = to.expect("somebody runs at once");
                prop_assert!(to != from);
                held[to] += 1;
            }
            prop_assert_eq!(held.iter().sum::<usize>(), total);
            prop_assert!(held.iter().max().unwrap() - held.iter().min().unwrap() <= 1, "{:?}", held);
        }
    }
}
