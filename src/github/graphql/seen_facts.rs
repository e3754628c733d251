//! What a source has seen lately: node ids, by which it can check whether reviews and comments
//! still exist, and the repositories with activity. If it is lost, deletions are merely noticed
//! later.

use std::collections::{BTreeMap, HashMap};

use github_stats_actors::activity::{DAY, FactId, RepoId, Timestamp};

/// The number of reviews and comments that are kept.
const MAX_ENTRIES: usize = 500_000;

/// Reviews, comments and activity of the last day.
#[derive(Debug, Default)]
pub struct SeenFacts {
    seen: HashMap<RepoId, BTreeMap<FactId, SeenEntry>>,
    active: HashMap<RepoId, Timestamp>,
    count: usize,
}

#[derive(Clone, Debug)]
struct SeenEntry {
    node: Box<str>,
    at: Timestamp,
    /// When it was last known to exist.
    checked: Timestamp,
}

/// A review or a comment that may have been deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PossibleDeletion {
    pub repo: RepoId,
    pub id: FactId,
    /// Its node id.
    pub node: Box<str>,
}

impl SeenFacts {
    /// Records that a review or a comment dated `at` existed at `now`.
    pub fn record_seen(&mut self, repo: &RepoId, id: FactId, node: &str, at: Timestamp, now: Timestamp) {
        if at < now - DAY || self.count >= MAX_ENTRIES {
            return;
        }
        let seen = SeenEntry { node: node.into(), at, checked: now };
        if self.seen.entry(repo.clone()).or_default().insert(id, seen).is_none() {
            self.count += 1;
        }
    }

    /// Records activity in a repository at `at`.
    pub fn record_activity(&mut self, repo: &RepoId, at: Timestamp) {
        let latest = self.active.entry(repo.clone()).or_insert(at);
        *latest = (*latest).max(at);
    }

    /// The repositories with activity since `since`.
    pub fn active_since(&self, since: Timestamp) -> Vec<RepoId> {
        self.active.iter().filter(|(_, at)| **at >= since).map(|(repo, _)| repo.clone()).collect()
    }

    /// At most `max` reviews and comments of the last day that were not seen since `since`, the
    /// least recently seen first. Forgets older ones.
    pub fn possible_deletions(
        &mut self,
        since: Timestamp,
        now: Timestamp,
        max: usize,
    ) -> Vec<PossibleDeletion> {
        self.forget(now - DAY);
        let mut old: Vec<(Timestamp, &RepoId, FactId)> = Vec::new();
        for (repo, seen) in &self.seen {
            old.extend(seen.iter().filter(|(_, s)| s.checked < since).map(|(id, s)| (s.checked, repo, *id)));
        }
        old.sort_unstable();
        old.truncate(max);
        let deletion = |(_, repo, id): &(Timestamp, &RepoId, FactId)| {
            let node = self.seen.get(*repo)?.get(id)?.node.clone();
            Some(PossibleDeletion { repo: (*repo).clone(), id: *id, node })
        };
        old.iter().filter_map(deletion).collect()
    }

    /// Records whether it still exists at `now`. If not, it is forgotten.
    pub fn record_check(&mut self, checked: &PossibleDeletion, exists: bool, now: Timestamp) {
        let Some(seen) = self.seen.get_mut(&checked.repo) else { return };
        if exists {
            if let Some(seen) = seen.get_mut(&checked.id) {
                seen.checked = now;
            }
        } else if seen.remove(&checked.id).is_some() {
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
    fn the_least_recently_seen_are_checked_first_up_to_a_maximum() {
        let mut seen = SeenFacts::default();
        let repo = RepoId::from("R_1");
        for n in 0..10 {
            seen.record_seen(&repo, FactId::Review(n), &format!("N{n}"), at(n as i64), at(n as i64));
        }
        let deletions = seen.possible_deletions(at(100), at(100), 3);
        let ids: Vec<_> = deletions.iter().map(|deletion| deletion.id).collect();
        assert_eq!(ids, [0, 1, 2].map(FactId::Review));
        seen.record_check(&deletions[0], true, at(100));
        seen.record_check(&deletions[1], false, at(100));
        let ids: Vec<_> =
            seen.possible_deletions(at(100), at(100), 3).into_iter().map(|deletion| deletion.id).collect();
        assert_eq!(ids, [2, 3, 4].map(FactId::Review));
        assert!(
            seen.possible_deletions(at(DAY + 60), at(DAY + 60), 3).is_empty(),
            "entries older than a day are forgotten"
        );
    }

    #[test]
    fn it_lists_the_repositories_with_recent_activity() {
        let mut seen = SeenFacts::default();
        seen.record_activity(&"a".into(), at(0));
        seen.record_activity(&"b".into(), at(100));
        seen.record_activity(&"b".into(), at(50));
        assert_eq!(seen.active_since(at(60)), ["b".into()]);
    }
}
