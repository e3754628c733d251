//! The parts into which organisations are divided among leaders.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::activity::OrgName;

/// One of several parts of the organisations. Each has a leader of its own; usually there is one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    number: u32,
    count: u32,
}

impl Shard {
    /// Everything.
    pub const WHOLE: Shard = Shard { number: 0, count: 1 };

    /// All of `count` parts; at least one.
    pub fn all(count: u32) -> impl Iterator<Item = Shard> {
        let count = count.max(1);
        (0..count).map(move |number| Shard { number, count })
    }

    /// The one of `count` parts that an organisation belongs to.
    ///
    /// Rendezvous hashing: an organisation belongs where its weight is greatest. Every replica of every version decides alike,
    /// and one part more takes from the others only what it gets.
    pub fn of(org: &OrgName, count: u32) -> Self {
        Shard::all(count).max_by_key(|shard| shard.weight(org)).unwrap_or(Shard::WHOLE)
    }

    /// Which of the parts it is, from 0.
    pub fn number(self) -> u32 {
        self.number
    }

    /// Of how many.
    pub fn count(self) -> u32 {
        self.count
    }

    /// Whether an organisation belongs to it.
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
    fn every_organisation_belongs_to_exactly_one_and_they_are_about_equal() {
        let orgs = orgs(1_000);
        for count in [1, 2, 3, 7] {
            let mut sizes = vec![0usize; count as usize];
            orgs.iter().for_each(|org| sizes[shard_of(org, count) as usize] += 1);
            let share = orgs.len() / count as usize;
            assert!(sizes.iter().all(|size| size.abs_diff(share) < share / 3 + 1), "{sizes:?}");
        }
    }

    #[test]
    fn one_more_takes_from_the_others_only_what_it_gets() {
        for org in orgs(300) {
            let (before, after) = (shard_of(&org, 4), shard_of(&org, 5));
            assert!(after == before || after == 4, "{org} moved from {before} to {after}");
        }
    }

    #[test]
    fn the_division_is_a_contract_between_versions() {
        let placed: Vec<u32> =
            ["acme", "globex", "initech", "umbrella"].map(|org| shard_of(&org.into(), 4)).into();
        assert_eq!(placed, PLACED);
    }

    /// Worked out with coreutils: `printf '\0\0\0\1acme' | sha256sum` and so on, the greatest wins.
    const PLACED: [u32; 4] = [3, 0, 3, 1];
}
