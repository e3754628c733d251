//! How records are joined and folded, for every backend.

use crate::activity::{FactId, Record, RepoState, Timestamp};

/// The outcome of joining a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JoinOutcome {
    /// It is older than the floor: garbage collection has counted it already.
    Refused,
    /// The stored record already includes it.
    Unchanged,
    /// This record is to be stored instead.
    Changed(Record),
}

/// Joins an incoming record with the stored one of the same identity.
pub fn join(stored: Option<Record>, incoming: Record, floor: Timestamp) -> JoinOutcome {
    if incoming.latest.at < floor {
        return JoinOutcome::Refused;
    }
    match stored {
        None => JoinOutcome::Changed(incoming),
        Some(mut record) => {
            if record.merge(&incoming) {
                JoinOutcome::Changed(record)
            } else {
                JoinOutcome::Unchanged
            }
        }
    }
}

/// Adds a record that is removed to the base of the user it was credited to.
pub fn fold(state: &mut RepoState, id: FactId, record: &Record) {
    state.base.entry(record.first.user.clone()).or_default().increment(id.kind());
}
