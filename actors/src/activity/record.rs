//! What the store keeps of a fact: its latest observation, and the user credited first.

use serde::{Deserialize, Serialize};

use super::{Fact, LocChange, Login, Timestamp};

/// One observation of a fact. Of two observations the greater one wins: the later one, then the one
/// that is `gone`, then by content. The order of the fields *is* that rule, so that every replica
/// decides alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Observation {
    /// When it was observed, on GitHub's clock.
    pub seen_at: Timestamp,
    /// Whether it was found deleted, or no longer reachable.
    pub gone: bool,
    /// The user whom GitHub named.
    pub user: Login,
    /// When it happened.
    pub at: Timestamp,
    /// Lines of code changed.
    #[serde(rename = "lines")]
    pub loc: LocChange,
}

/// The user whom the counters credit: that of the first observation, whatever later ones say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Credit {
    /// When the fact was first seen.
    pub seen_at: Timestamp,
    /// The user whom GitHub named then.
    pub user: Login,
}

/// Everything kept of one fact: a join of observations, which makes writing commutative,
/// associative and idempotent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The winning observation; gauges are derived from it.
    pub latest: Observation,
    /// The first observation's user; counters are credited to it.
    pub first: Credit,
}

impl Record {
    /// A fact as observed at `seen_at`.
    pub fn observed(fact: &Fact, seen_at: Timestamp) -> Self {
        let latest =
            Observation { seen_at, gone: false, user: fact.user.clone(), at: fact.at, loc: fact.loc };
        Record { first: Credit { seen_at, user: fact.user.clone() }, latest }
    }

    /// The same fact, found deleted or unreachable at `seen_at`.
    pub fn marked_gone(&self, seen_at: Timestamp) -> Self {
        Record {
            latest: Observation { seen_at, gone: true, ..self.latest.clone() },
            first: self.first.clone(),
        }
    }

    /// Joins `other` into `self`; returns whether anything changed.
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
                        loc: LocChange { additions, deletions: 0 },
                    },
                    first: Credit { seen_at: Timestamp::from_unix(first), user },
                }
            },
        )
    }

    fn merged(a: &Record, b: &Record) -> Record {
        let mut record = a.clone();
        let changed = record.merge(b);
        assert_eq!(changed, record != *a, "merge reports whether it changed anything");
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
        fn a_deleted_fact_stays_deleted_when_older_observations_are_replayed(a in record(), later in 0i64..5) {
            let gone = a.marked_gone(a.latest.seen_at + later);
            prop_assert!(merged(&gone, &a).latest.gone);
            prop_assert!(merged(&a, &gone).latest.gone);
        }
    }
}
