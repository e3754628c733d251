//! Maintenance pauses: organisations that operators have paused for a while, and why.
//!
//! The admin API starts and ends pauses in the [`PauseRegistry`]; the scheduler and the backfill
//! handler check it before they ask GitHub. The [`MaintenanceActor`] keeps this replica's copy
//! current.

mod maintenance_actor;
mod pause;
mod pause_registry;

pub use maintenance_actor::MaintenanceActor;
pub use pause::{Pause, pause_of};
pub use pause_registry::PauseRegistry;
