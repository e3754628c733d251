//! Who leads: the election and the epoch it gives.

mod elector;
mod epoch;
mod fixed;
mod role_actor;
mod role_view;

pub use elector::{ElectionError, Elector, Standing};
pub use epoch::{Epoch, EpochError, EpochIssuer};
pub use fixed::FixedElector;
pub use role_actor::{Resign, RoleActor, RoleSettings};
pub use role_view::{Role, RoleView, RoleWatch};
