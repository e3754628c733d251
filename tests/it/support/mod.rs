//! What the tests of the binary share.

mod browser;
pub mod kube;
mod lease_api;
mod metrics;
mod network;
mod proxy;
mod rabbitmq;
pub mod redis;
mod replica;
mod shared;

pub use browser::Browser;
pub use metrics::{counters, parse_gauges, settle};
pub use network::Network;
pub use proxy::Proxy;
pub use rabbitmq::Rabbit;
pub use replica::{Replica, binary, free_port};
pub use shared::{histories, soak};
