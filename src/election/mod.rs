//! Leader election backends. `docs/ELECTION.md` describes when each is used and what it guarantees.

mod context;
mod fallback;
mod identity;
pub mod kubernetes;
mod lease_name;
mod lease_term;
mod redis;
mod timing;

pub use context::{ElectionContext, electors, preflight};
pub use identity::identity;
pub use kubernetes::KubernetesElector;
pub use lease_name::LeaseName;
pub use redis::RedisElector;
pub use timing::LeaseTiming;
