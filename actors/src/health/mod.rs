//! How the replica is: components, organisations and actors in one immutable snapshot.

mod assess;
mod health_actor;
mod probe;
mod snapshot;

pub use assess::{Inputs, assess};
pub use health_actor::{HealthActor, HealthSettings};
pub use probe::{Probe, ProbeResult};
pub use snapshot::{Component, HealthSnapshot, Mode, Status};
