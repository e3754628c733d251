//! What scheduling is done under.

use super::Epoch;

/// What scheduling is done under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchedulingAuthority {
    /// A leadership. Only it collects garbage.
    Leader(Epoch),
    /// Nobody can be elected, and what replicas share is away: whoever led last goes on collecting into its local store.
    /// That needs no fence, since facts are a union, and ends as soon as the election answers again.
    Outage,
}

impl SchedulingAuthority {
    /// The leadership, where it is one.
    pub fn epoch(self) -> Option<Epoch> {
        match self {
            SchedulingAuthority::Leader(epoch) => Some(epoch),
            SchedulingAuthority::Outage => None,
        }
    }
}
