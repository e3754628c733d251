//! What the store keeps of a fact: its latest observation, and who saw to be credited first.

use serde::{Deserialize, Serialize};

use super::{Fact, Login, Timestamp};

/// Lines a commit added and deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LocChange {
    /// Lines added.
    pub additions: u64,
    /// Lines deleted.
    pub deletions: u64,
}

/// One look at a fact. Of two looks the greater one wins: later first, then `gone`, then by content; the order of the
/// fields *is* that rule, so that every replica decides alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Observation {
    /// When GitHub was asked, on GitHub's clock.
    pub seen_at: Timestamp,
    /// Whether it was found deleted, or no longer reachable.
    pub gone: bool,
    /// Who did it, as GitHub told it then.
    pub user: Login,
    /// When it happened.
    pub at: Timestamp,
    /// Lines it changed.
    pub lines: LocChange,
}

/// Who the counters credit: the user of the first observation, whatever later ones say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Credit {
    /// When the fact was first seen.
    pub seen_at: Timestamp,
    /// Whom GitHub named then.
    pub user: Login,
}

/// Everything kept of one identity: a join of observations, so that writing is commutative, associative and idempotent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The winning observation; gauges are derived from it.
    pub latest: Observation,
    /// The first observation's user; counters are credited to it.
    pub first: Credit,
}

impl Record {
    /// A fact as seen at `seen_at`.
    pub fn observed(fact: &Fact, seen_at: Timestamp) -> Self {
        let latest =
            Observation { seen_at, gone: false, user: fact.user.clone(), at: fact.at, lines: fact.lines };
        Record { first: Credit { seen_at, user: fact.user.clone() }, latest }
    }

    /// The same fact, found deleted at `seen_at`.
    pub fn vanished(&self, seen_at: Timestamp) -> Self {
        Record {
            latest: Observation { seen_at, gone: true, ..self.latest.clone() },
            first: self.first.clone(),
        }
    }

    /// Joins `other` into `self`; whether anything changed.
    pub fn merge(&mut self, other: &Record) -> bool {
        let mut changed = false;
        if other.latest > self.latest {
            self.latest = other.latest.clone();
            changed = true;
        }
        if other.first < self.first {
            self.first = other.first.clone();
            changed = true;
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record() -> impl Strategy<Value = Record> {
        (0i64..4, any::<bool>(), 0u8..3, 0i64..3, 0u64..2, 0i64..4).prop_map(
            |(seen, gone, user, at, additions, first)| {
                let user = Login::from(format!("user-{user}"));
                Record {
                    latest: Observation {
                        seen_at: Timestamp::from_unix(seen),
                        gone,
                        user: user.clone(),
                        at: Timestamp::from_unix(at),
                        lines: LocChange { additions, deletions: 0 },
                    },
                    first: Credit { seen_at: Timestamp::from_unix(first), user },
                }
            },
        )
    }

    fn merged(a: &Record, b: &Record) -> Record {
        let mut record = a.clone();
        let changed = record.merge(b);
        assert_eq!(changed, record != *a, "merge says truly whether it changed anything");
        record
    }

    proptest! {
        #[test]
        fn union_is_commutative_associative_and_idempotent(a in record(), b in record(), c in record()) {
            prop_assert_eq!(merged(&a, &b), merged(&b, &a));
            prop_assert_eq!(merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
            prop_assert_eq!(merged(&a, &a), a);
        }

        #[test]
        fn what_was_found_deleted_stays_deleted_whatever_is_replayed(a in record(), later in 0i64..5) {
            let gone = a.vanished(a.latest.seen_at + later);
            prop_assert!(merged(&gone, &a).latest.gone);
            prop_assert!(merged(&a, &gone).latest.gone);
        }
    }
}
