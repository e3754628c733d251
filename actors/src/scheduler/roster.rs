//! Which repositories there are, as far as an incarnation of a scraper knows.

use std::collections::BTreeMap;

use super::{Changes, ListedRepository, Reconcile};
use crate::activity::{DAY, HOUR, RepoId, Timestamp};

/// How often everything is listed and looked at again.
const RECONCILE_PERIOD: i64 = HOUR;
/// How far back conversations are read again, for what GitHub's search told too late.
const REREAD: i64 = 2 * HOUR;

/// The repositories of the last complete listing, and what was seen since; and when what is due.
#[derive(Debug, Default)]
pub(super) struct Roster {
    repositories: BTreeMap<RepoId, ListedRepository>,
    listed_at: Option<Timestamp>,
    reread_at: Option<Timestamp>,
}

impl Roster {
    /// The repositories there are.
    pub(super) fn repositories(&self) -> impl Iterator<Item = &ListedRepository> {
        self.repositories.values()
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        self.repositories.len()
    }

    /// Whether it is worth looking at; before the first listing everything is.
    pub(super) fn may_exist(&self, id: &RepoId) -> bool {
        self.listed_at.is_none() || self.repositories.contains_key(id)
    }

    /// How thoroughly to look at `now`: an incarnation begins with the tips, and goes over conversations an hour later,
    /// the first time over those of a whole day, because nothing is known of what was deleted before.
    pub(super) fn due(&self, now: Timestamp) -> Reconcile {
        let is_due = |at: Timestamp| now.seconds_since(at) >= RECONCILE_PERIOD;
        match (self.listed_at, self.reread_at) {
            (None, _) => Reconcile::Tips,
            (Some(listed), _) if !is_due(listed) => Reconcile::Nothing,
            (Some(_), None) => Reconcile::Conversations { since: now - DAY },
            (Some(_), Some(reread)) => {
                Reconcile::Conversations { since: (reread - HOUR).min(now - REREAD).max(now - DAY) }
            }
        }
    }

    /// Whether conversations were never read again by this incarnation.
    pub(super) fn is_first_reread(&self) -> bool {
        self.reread_at.is_none()
    }

    /// A complete listing that is no part of a look.
    pub(super) fn replace(&mut self, listing: Vec<ListedRepository>) {
        self.repositories =
            listing.into_iter().map(|repository| (repository.id.clone(), repository)).collect();
    }

    /// Takes over what a look saw.
    pub(super) fn take_over(&mut self, changes: &Changes, asked: Reconcile) {
        if let Some(listing) = &changes.listing {
            self.replace(listing.clone());
            self.listed_at = Some(changes.observed_at);
        }
        let seen = changes.changed.iter().map(|changed| &changed.repository).chain(&changes.unknown);
        for repository in seen {
            self.repositories.insert(repository.id.clone(), repository.clone());
        }
        if matches!(asked, Reconcile::Conversations { .. }) && changes.failure.is_none() {
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
    fn everything_is_listed_first_and_gone_over_every_hour() {
        let mut roster = Roster::default();
        assert_eq!(roster.due(at(0)), Reconcile::Tips);
        roster.take_over(&changes(at(0), Some(&["a"]), &[]), Reconcile::Tips);
        assert_eq!(roster.due(at(HOUR - 1)), Reconcile::Nothing);
        let first = Reconcile::Conversations { since: at(HOUR - DAY) };
        assert_eq!(roster.due(at(HOUR)), first);
        roster.take_over(&changes(at(HOUR), Some(&["a"]), &[]), first);
        assert_eq!(roster.due(at(HOUR + 1)), Reconcile::Nothing);
        assert_eq!(roster.due(at(2 * HOUR)), Reconcile::Conversations { since: at(0) });
        assert_eq!(
            roster.due(at(5 * HOUR)),
            Reconcile::Conversations { since: at(0) },
            "after a pause it goes further back"
        );
    }

    #[test]
    fn who_is_no_longer_listed_is_not_looked_at_and_who_appears_is() {
        let mut roster = Roster::default();
        assert!(roster.may_exist(&"gone".into()));
        roster.take_over(&changes(at(0), Some(&["a"]), &[]), Reconcile::Tips);
        assert!(!roster.may_exist(&"gone".into()));
        roster.take_over(&changes(at(300), None, &["new"]), Reconcile::Nothing);
        assert!(roster.may_exist(&"new".into()) && roster.may_exist(&"a".into()));
        assert_eq!(roster.len(), 2);
    }
}
