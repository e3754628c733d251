//! Electors: how replicas agree who leads. `docs/ELECTION.md` says which one is chosen when, and what each guarantees.

mod context;
mod fallback;
mod identity;
pub mod kubernetes;
mod lease_name;
mod redis;
mod terms;
mod timing;

pub use context::{ElectionContext, electors, preflight};
pub use identity::identity;
pub use kubernetes::KubernetesElector;
pub use lease_name::LeaseName;
pub use redis::RedisElector;
pub use timing::LeaseTiming;
