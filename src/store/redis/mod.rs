//! The store that all replicas share, in Redis: standalone, behind sentinels, or a cluster.
//!
//! Joining is done here and not there: a write reads what it touches, joins, and applies the outcome with one script, if nobody
//! changed the repository meanwhile. `docs/REDIS.md` lists the keys, `docs/adr/006-redis-optimistic-writes.md` tells why.

mod epochs;
mod garbage;
mod key;
mod keyed_locks;
mod log;
mod plan;
mod reader;
mod reply;
mod scan;
mod scripts;
mod shared;
mod store;
mod version;
mod writer;

pub use store::RedisStore;
