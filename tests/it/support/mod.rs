//! What the tests of the binary share.

mod metrics;
mod replica;
mod shared;

pub use metrics::{Difference, Series, parse_gauges, settle};
pub use replica::{Replica, binary, free_port};
pub use shared::histories;
