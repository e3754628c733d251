//! What may be asked of GitHub, and when: one room for everybody who asks with the same credentials.
//!
//! [`Budget`], [`Cap`], [`MinuteCeiling`] and [`Holds`] are rules without a clock; [`Room`] is the thin shell around them.

mod budget;
mod cap;
mod hold;
mod minute;
mod report;
mod room;
mod wait;

pub use budget::{Budget, BudgetState, Shortage, Told};
pub use cap::Cap;
pub use hold::Holds;
pub use minute::MinuteCeiling;
pub use report::RoomReport;
pub use room::{Admission, Demand, Refusal, Room, RoomSettings};
pub use wait::{Reason, RoomState, Wait};

/// What GitHub counts apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// The REST API.
    Core,
    /// The GraphQL API.
    Graphql,
}

impl Resource {
    /// All of them.
    pub const ALL: [Resource; 2] = [Resource::Core, Resource::Graphql];

    /// The name GitHub has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Resource::Core => "core",
            Resource::Graphql => "graphql",
        }
    }

    /// Points a minute that GitHub's secondary limit allows.
    fn points_per_minute(self) -> u64 {
        match self {
            Resource::Core => 900,
            Resource::Graphql => 2_000,
        }
    }
}
