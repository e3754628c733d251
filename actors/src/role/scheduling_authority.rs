//! What entitles a replica to schedule scrapes.

use super::Epoch;

/// What entitles a replica to schedule scrapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchedulingAuthority {
    /// It was elected, under this epoch. Only an elected leader collects garbage.
    Leader(Epoch),
    /// No election is possible and the shared store is unreachable: the last leader goes on
    /// collecting into its local store. That needs no fence, since facts are a union, and it ends
    /// as soon as the election answers again.
    Outage,
}

impl SchedulingAuthority {
    /// The epoch of an elected leader.
    pub fn epoch(self) -> Option<Epoch> {
        match self {
            SchedulingAuthority::Leader(epoch) => Some(epoch),
            SchedulingAuthority::Outage => None,
        }
    }
}
