//! What a source remembers of what it saw: the ids by which GitHub can be asked whether reviews and comments are still
//! there, and where something happened lately. Losing it costs only that deletions are noticed later.

use std::collections::{BTreeMap, HashMap};

use github_stats_actors::activity::{DAY, FactId, RepoId, Timestamp};

/// The most ids that are remembered.
const MOST: usize = 500_000;

/// Memory of the last day.
#[derive(Debug, Default)]
pub struct SeenFacts {
    seen: HashMap<RepoId, BTreeMap<FactId, Seen>>,
    active: HashMap<RepoId, Timestamp>,
    count: usize,
}

#[derive(Clone, Debug)]
struct Seen {
    node: Box<str>,
    at: Timestamp,
    /// When it was last known to be there.
    checked: Timestamp,
}

/// A review or a comment that is to be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PossibleDeletion {
    /// Whose.
    pub repo: RepoId,
    /// Which.
    pub id: FactId,
    /// How GitHub knows it.
    pub node: Box<str>,
}

impl SeenFacts {
    /// A review or a comment dated `at` was there at `now`.
    pub fn saw(&mut self, repo: &RepoId, id: FactId, node: &str, at: Timestamp, now: Timestamp) {
        if at < now - DAY || self.count >= MOST {
            return;
        }
        let seen = Seen { node: node.into(), at, checked: now };
        if self.seen.entry(repo.clone()).or_default().insert(id, seen).is_none() {
            self.count += 1;
        }
    }

    /// Something happened in a repository at `at`.
    pub fn happened(&mut self, repo: &RepoId, at: Timestamp) {
        let latest = self.active.entry(repo.clone()).or_insert(at);
        *latest = (*latest).max(at);
    }

    /// The repositories in which something happened since `since`.
    pub fn active_since(&self, since: Timestamp) -> Vec<RepoId> {
        self.active.iter().filter(|(_, at)| **at >= since).map(|(repo, _)| repo.clone()).collect()
    }

    /// At most `most` reviews and comments of the last day that were not seen since `since`, the least recently seen
    /// first. Forgets older ones.
    pub fn suspects(&mut self, since: Timestamp, now: Timestamp, most: usize) -> Vec<PossibleDeletion> {
        self.forget(now - DAY);
        let mut old: Vec<(Timestamp, &RepoId, FactId)> = Vec::new();
        for (repo, seen) in &self.seen {
            old.extend(seen.iter().filter(|(_, s)| s.checked < since).map(|(id, s)| (s.checked, repo, *id)));
        }
        old.sort_unstable();
        old.truncate(most);
        let suspect = |(_, repo, id): &(Timestamp, &RepoId, FactId)| {
            let node = self.seen.get(*repo)?.get(id)?.node.clone();
            Some(PossibleDeletion { repo: (*repo).clone(), id: *id, node })
        };
        old.iter().filter_map(suspect).collect()
    }

    /// It is there, or it is gone and not asked for again.
    pub fn settled(&mut self, suspect: &PossibleDeletion, present: bool, now: Timestamp) {
        let Some(seen) = self.seen.get_mut(&suspect.repo) else { return };
        if present {
            if let Some(seen) = seen.get_mut(&suspect.id) {
                seen.checked = now;
            }
        } else if seen.remove(&suspect.id).is_some() {
            self.count -= 1;
        }
    }

    fn forget(&mut self, before: Timestamp) {
        self.active.retain(|_, at| *at >= before);
        self.seen.retain(|_, seen| {
            seen.retain(|_, seen| seen.at >= before);
            !seen.is_empty()
        });
        self.count = self.seen.values().map(BTreeMap::len).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1_800_000_000 + seconds)
    }

    #[test]
    fn the_least_recently_seen_are_asked_for_first_and_no_more_than_can_be_paid_for() {
        let mut memory = SeenFacts::default();
        let repo = RepoId::from("R_1");
        for n in 0..10 {
            memory.saw(&repo, FactId::Review(n), &format!("N{n}"), at(n as i64), at(n as i64));
        }
        let suspects = memory.suspects(at(100), at(100), 3);
        let ids: Vec<_> = suspects.iter().map(|suspect| suspect.id).collect();
        assert_eq!(ids, [0, 1, 2].map(FactId::Review));
        memory.settled(&suspects[0], true, at(100));
        memory.settled(&suspects[1], false, at(100));
        let ids: Vec<_> =
            memory.suspects(at(100), at(100), 3).into_iter().map(|suspect| suspect.id).collect();
        assert_eq!(ids, [2, 3, 4].map(FactId::Review));
        assert!(memory.suspects(at(DAY + 60), at(DAY + 60), 3).is_empty(), "a day is enough");
    }

    #[test]
    fn it_knows_where_something_happened() {
        let mut memory = SeenFacts::default();
        memory.happened(&"a".into(), at(0));
        memory.happened(&"b".into(), at(100));
        memory.happened(&"b".into(), at(50));
        assert_eq!(memory.active_since(at(60)), ["b".into()]);
    }
}
