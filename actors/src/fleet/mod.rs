//! The replicas of one installation: what each reports to the others, and what they count together.

mod exchange;
mod exchange_round;
mod fleet_actor;
mod settings;

pub use exchange::PeerExchange;
pub use fleet_actor::{FleetActor, LeaveFleet};
pub use settings::{FleetSettings, FleetState};
