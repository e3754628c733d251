//! The replicas among each other: what each tells of itself, and what they count together.

mod exchange;
mod fleet_actor;

pub use exchange::PeerExchange;
pub use fleet_actor::{FleetActor, FleetSettings, FleetState, LeaveFleet};
