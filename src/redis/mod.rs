//! The road to Redis, whoever travels it: one [`Link`] is one connection (in a cluster: one to each node) that many callers
//! share, that every call is bounded on, and that is made again when it breaks.
//!
//! Standalone servers, masters that sentinels name, and clusters; TLS and users; passwords are read again for each new
//! connection. Nothing here knows what is stored.

mod connection;
mod credentials;
mod failure;
mod link;
mod preflight;
mod script;
mod sentinel;
mod settings;

pub use failure::LinkError;
pub use link::{Call, Link};
pub use preflight::{Finding, Preflight, Verdict};
pub use script::Script;
pub use settings::{LinkSettings, Servers, Tls};
