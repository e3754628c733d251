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
mod simulated;
mod soak;
mod waiting;

pub use browser::Browser;
pub use histories::histories;
pub use metrics::{counters, parse_gauges, settle};
pub use network::Network;
pub use proxy::Proxy;
pub use rabbitmq::Rabbit;
pub use replica::{Replica, binary, free_port};
pub use requirement::require;
pub use simulated::{busy_world, busy_worlds, config, simulator};
pub use soak::soak;
pub use waiting::{wait_for_health, wait_for_metrics};
