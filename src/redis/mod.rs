//! The Redis client that the store and the election share. A [`RedisClient`] holds one connection
//! (in a cluster, one per node), which many callers multiplex, on which every call has a deadline,
//! and which is replaced when it breaks.
//!
//! It supports standalone servers, masters discovered through sentinels, and clusters, with TLS and
//! ACL users. Passwords are read again for each new connection. This module does not know what is
//! stored.

mod call;
mod client;
mod connect;
mod connection;
mod credentials;
mod failure;
mod preflight;
mod script;
mod sentinel;
mod server;
mod settings;

pub use call::RedisCall;
pub use client::RedisClient;
pub use failure::RedisClientError;
pub use preflight::{FindingLevel, Preflight, PreflightFinding};
pub use script::LuaScript;
pub use settings::{RedisClientSettings, RedisServers, RedisTls};
