//! The road to Redis, whoever travels it: one [`RedisClient`] is one connection (in a cluster: one to each node) that many callers
//! share, that every call is bounded on, and that is made again when it breaks.
//!
//! Standalone servers, masters that sentinels name, and clusters; TLS and users; passwords are read again for each new
//! connection. Nothing here knows what is stored.

mod client;
mod connection;
mod credentials;
mod failure;
mod preflight;
mod script;
mod sentinel;
mod settings;

pub use client::{RedisCall, RedisClient};
pub use failure::RedisClientError;
pub use preflight::{FindingLevel, Preflight, PreflightFinding};
pub use script::LuaScript;
pub use settings::{RedisClientSettings, RedisServers, RedisTls};
