//! Leadership: shards, the election of a leader for each, and the epoch it leads under.
//!
//! A [`RoleActor`] runs a [`Campaign`] for the leadership of one [`Shard`] through the port
//! [`Elector`] and publishes the outcome in [`Roles`]. The scheduler asks there whether it may
//! schedule; the store fences the requests of former leaders by their [`Epoch`].

mod attempt_outcome;
mod balance;
mod campaign;
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
mod shared_store;
mod static_elector;

pub use balance::PeerLoad;
pub use campaign::Campaign;
pub use elector::{ElectionBasis, ElectionError, ElectionStatus, Elector};
pub use epoch::{Epoch, EpochError, EpochIssuer};
#[cfg(feature = "testing")]
pub use memory::{MemoryElector, MemoryLease};
pub use role_actor::{Resign, RoleActor};
pub use role_view::{Role, RoleView, RoleWatch};
pub use roles::Roles;
pub use scheduling_authority::SchedulingAuthority;
pub use shard::Shard;
pub use shared_store::SharedStoreStatus;
pub use static_elector::StaticElector;
