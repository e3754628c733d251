//! The shards into which organisations are divided among leaders.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::activity::OrgName;

/// One of `count` disjoint sets of organisations. Each has a leader of its own; usually there is
/// only one shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    number: u32,
    count: u32,
}

impl Shard {
    /// The only shard: all organisations.
    pub const WHOLE: Shard = Shard { number: 0, count: 1 };

    /// All of `count` shards; at least one.
    pub fn all(count: u32) -> impl Iterator<Item = Shard> {
        let count = count.max(1);
        (0..count).map(move |number| Shard { number, count })
    }

    /// The one of `count` shards that an organisation belongs to.
    ///
    /// Rendezvous hashing: an organisation belongs to the shard that gives it the greatest weight.
    /// Every replica of every version decides alike, and an additional shard takes over
    /// organisations without moving any between the others.
    pub fn of(org: &OrgName, count: u32) -> Self {
        Shard::all(count).max_by_key(|shard| shard.weight(org)).unwrap_or(Shard::WHOLE)
    }

    /// Its index, from 0.
    pub fn number(self) -> u32 {
        self.number
    }

    /// The number of shards.
    pub fn count(self) -> u32 {
        self.count
    }

    /// Whether an organisation belongs to this shard.
    pub fn holds(self, org: &OrgName) -> bool {
        Shard::of(org, self.count) == self
    }

    fn weight(self, org: &OrgName) -> [u8; 32] {
        Sha256::new().chain_update(self.number.to_be_bytes()).chain_update(org.as_str()).finalize().into()
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.number, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orgs(count: usize) -> Vec<OrgName> {
        (0..count).map(|number| OrgName::from(format!("org-{number}"))).collect()
    }

    fn shard_of(org: &OrgName, count: u32) -> u32 {
        let holding: Vec<Shard> = Shard::all(count).filter(|shard| shard.holds(org)).collect();
        assert_eq!(holding.len(), 1, "{org} belongs to exactly one of {count}");
        holding[0].number()
    }

    #[test]
    fn every_organisation_belongs_to_exactly_one_shard_of_about_equal_size() {
        let orgs = orgs(1_000);
        for count in [1, 2, 3, 7] {
            let mut sizes = vec![0usize; count as usize];
            orgs.iter().for_each(|org| sizes[shard_of(org, count) as usize] += 1);
            let share = orgs.len() / count as usize;
            assert!(sizes.iter().all(|size| size.abs_diff(share) < share / 3 + 1), "{sizes:?}");
        }
    }

    #[test]
    fn an_additional_shard_moves_no_organisation_between_the_others() {
        for org in orgs(300) {
            let (before, after) = (shard_of(&org, 4), shard_of(&org, 5));
            assert!(after == before || after == 4, "{org} moved from {before} to {after}");
        }
    }

    #[test]
    fn the_assignment_is_a_contract_between_versions() {
        let placed: Vec<u32> =
            ["acme", "globex", "initech", "umbrella"].map(|org| shard_of(&org.into(), 4)).into();
        assert_eq!(placed, PLACED);
    }

    /// Computed with coreutils: `printf '\0\0\0\1acme' | sha256sum` and so on; the greatest digest
    /// wins.
    const PLACED: [u32; 4] = [3, 0, 3, 1];
}
