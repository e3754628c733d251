//! What operators have paused: organisations that are not scraped for a while, for a reason somebody gave.

mod maintenance_actor;
mod pause;
mod pause_registry;

pub use maintenance_actor::{MaintenanceActor, MaintenanceSettings};
pub use pause::{Pause, pause_of};
pub use pause_registry::PauseRegistry;
