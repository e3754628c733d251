//! What the tests of the binary share.

mod metrics;
pub mod redis;
mod replica;
mod shared;

pub use metrics::{parse_gauges, settle};
pub use replica::{Replica, binary};
pub use shared::{histories, soak};
