//! Electors: how replicas agree who leads. `docs/ELECTION.md` says which one is chosen when, and what each guarantees.

mod fallback;
mod identity;
pub mod kubernetes;
mod lease_name;
mod redis;
mod select;
mod terms;
mod timing;

pub use identity::identity;
pub use kubernetes::KubernetesElector;
pub use lease_name::LeaseName;
pub use redis::RedisElector;
pub use select::{Electorate, electors, preflight};
pub use timing::Timing;
