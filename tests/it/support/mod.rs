//! What the tests of the binary share.

mod metrics;
mod proxy;
mod rabbitmq;
pub mod redis;
mod replica;
mod shared;

pub use metrics::{counters, parse_gauges, settle};
pub use proxy::Proxy;
pub use rabbitmq::Rabbit;
pub use replica::{Replica, binary};
pub use shared::{histories, soak};
