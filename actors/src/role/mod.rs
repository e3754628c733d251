//! Who leads: the election and the epoch it gives.

mod attempt_outcome;
mod balance;
#[cfg(feature = "testing")]
pub mod contract;
mod elector;
mod epoch;
#[cfg(feature = "testing")]
mod memory;
mod role_actor;
mod role_view;
mod roles;
mod scheduling_authority;
mod shard;
mod static_elector;

pub use balance::PeerLoad;
pub use elector::{ElectionBasis, ElectionError, ElectionStatus, Elector};
pub use epoch::{Epoch, EpochError, EpochIssuer};
#[cfg(feature = "testing")]
pub use memory::{MemoryElector, MemoryLease};
pub use role_actor::{Resign, RoleActor, RoleSettings};
pub use role_view::{Role, RoleView, RoleWatch};
pub use roles::Roles;
pub use scheduling_authority::SchedulingAuthority;
pub use shard::Shard;
pub use static_elector::StaticElector;
