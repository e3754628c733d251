//! What the tests of the binary share.

mod browser;
mod histories;
pub mod kube;
mod lease_api;
mod metrics;
mod network;
mod proxy;
mod rabbitmq;
pub mod redis;
mod replica;
mod requirement;
mod soak;

pub use browser::Browser;
pub use histories::histories;
pub use metrics::{counters, parse_gauges, settle};
pub use network::Network;
pub use proxy::Proxy;
pub use rabbitmq::Rabbit;
pub use replica::{Replica, binary, free_port};
pub use requirement::require;
pub use soak::soak;
