//! Who leads: the election and the epoch it gives.

mod balance;
#[cfg(feature = "testing")]
pub mod contract;
mod elector;
mod epoch;
mod fixed;
mod mandate;
#[cfg(feature = "testing")]
mod memory;
mod outcome;
mod role_actor;
mod role_view;
mod roles;
mod shard;

pub use balance::Load;
pub use elector::{Basis, ElectionError, Elector, Standing};
pub use epoch::{Epoch, EpochError, EpochIssuer};
pub use fixed::FixedElector;
pub use mandate::Mandate;
#[cfg(feature = "testing")]
pub use memory::{MemoryElector, MemoryLease};
pub use role_actor::{Resign, RoleActor, RoleSettings};
pub use role_view::{Role, RoleView, RoleWatch};
pub use roles::Roles;
pub use shard::Shard;
