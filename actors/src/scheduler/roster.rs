//! The repositories of an organisation as known to one incarnation of a scraper.

use std::collections::BTreeMap;

use crate::activity::{DAY, HOUR, RepoId, Timestamp};
use crate::source::{Changes, ListedRepository, Reconcile};

/// Seconds between two thorough polls.
const RECONCILE_PERIOD: i64 = HOUR;
/// Seconds for which conversations are read again, because GitHub's search may index them late.
const REREAD_PERIOD: i64 = 2 * HOUR;

/// The repositories of the last complete listing and those seen since, and when thorough polls were
/// made.
#[derive(Debug, Default)]
pub(super) struct Roster {
    repositories: BTreeMap<RepoId, ListedRepository>,
    listed_at: Option<Timestamp>,
    reread_at: Option<Timestamp>,
}

impl Roster {
    /// All known repositories.
    pub(super) fn repositories(&self) -> impl Iterator<Item = &ListedRepository> {
        self.repositories.values()
    }

    /// The number of known repositories.
    pub(super) fn len(&self) -> usize {
        self.repositories.len()
    }

    /// Whether a repository may exist; always true before the first listing.
    pub(super) fn may_exist(&self, id: &RepoId) -> bool {
        self.listed_at.is_none() || self.repositories.contains_key(id)
    }

    /// How thorough a poll at `now` should be. An incarnation begins with the tips and reads
    /// conversations again every hour from then on; the first time those of a whole day, because an
    /// earlier incarnation may have missed deletions.
    pub(super) fn due(&self, now: Timestamp) -> Reconcile {
        let is_due = |at: Timestamp| now.seconds_since(at) >= RECONCILE_PERIOD;
        match (self.listed_at, self.reread_at) {
            (None, _) => Reconcile::Tips,
            (Some(listed), _) if !is_due(listed) => Reconcile::Nothing,
            (Some(_), None) => Reconcile::Conversations { since: now - DAY },
            (Some(_), Some(reread)) => {
                Reconcile::Conversations { since: (reread - HOUR).min(now - REREAD_PERIOD).max(now - DAY) }
            }
        }
    }

    /// Whether this incarnation has not read conversations again yet.
    pub(super) fn is_first_reread(&self) -> bool {
        self.reread_at.is_none()
    }

    /// Takes over a complete listing that is not part of a poll.
    pub(super) fn replace(&mut self, listing: Vec<ListedRepository>) {
        self.repositories =
            listing.into_iter().map(|repository| (repository.id.clone(), repository)).collect();
    }

    /// Takes over what a poll found.
    pub(super) fn apply(&mut self, changes: &Changes, reconcile: Reconcile) {
        if let Some(listing) = &changes.listing {
            self.replace(listing.clone());
            self.listed_at = Some(changes.observed_at);
        }
        let seen = changes.changed.iter().map(|changed| &changed.repository).chain(&changes.unknown);
        for repository in seen {
            self.repositories.insert(repository.id.clone(), repository.clone());
        }
        if matches!(reconcile, Reconcile::Conversations { .. }) && changes.failure.is_none() {
            self.reread_at = Some(changes.observed_at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1_800_000_000 + seconds)
    }

    fn changes(observed_at: Timestamp, listing: Option<&[&str]>, unknown: &[&str]) -> Changes {
        let listed =
            |name: &&str| ListedRepository { id: (*name).into(), name: (*name).into(), pushed_at: None };
        Changes {
            observed_at,
            listing: listing.map(|names| names.iter().map(listed).collect()),
            unknown: unknown.iter().map(listed).collect(),
            changed: Vec::new(),
            failure: None,
        }
    }

    #[test]
    fn the_first_poll_lists_everything_and_every_hour_is_a_thorough_poll() {
        let mut roster = Roster::default();
        assert_eq!(roster.due(at(0)), Reconcile::Tips);
        roster.apply(&changes(at(0), Some(&["a"]), &[]), Reconcile::Tips);
        assert_eq!(roster.due(at(HOUR - 1)), Reconcile::Nothing);
        let first = Reconcile::Conversations { since: at(HOUR - DAY) };
        assert_eq!(roster.due(at(HOUR)), first);
        roster.apply(&changes(at(HOUR), Some(&["a"]), &[]), first);
        assert_eq!(roster.due(at(HOUR + 1)), Reconcile::Nothing);
        assert_eq!(roster.due(at(2 * HOUR)), Reconcile::Conversations { since: at(0) });
        assert_eq!(
            roster.due(at(5 * HOUR)),
            Reconcile::Conversations { since: at(0) },
            "after a pause it goes further back"
        );
    }

    #[test]
    fn repositories_that_are_no_longer_listed_are_not_polled_and_new_ones_are() {
        let mut roster = Roster::default();
        assert!(roster.may_exist(&"gone".into()));
        roster.apply(&changes(at(0), Some(&["a"]), &[]), Reconcile::Tips);
        assert!(!roster.may_exist(&"gone".into()));
        roster.apply(&changes(at(300), None, &["new"]), Reconcile::Nothing);
        assert!(roster.may_exist(&"new".into()) && roster.may_exist(&"a".into()));
        assert_eq!(roster.len(), 2);
    }
}
