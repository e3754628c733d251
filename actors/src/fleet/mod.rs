//! The replicas of one installation: what each reports to the others, and what they count together.

mod exchange;
mod exchange_round;
mod fleet_actor;

pub use exchange::PeerExchange;
pub use fleet_actor::{FleetActor, FleetSettings, FleetState, LeaveFleet};
