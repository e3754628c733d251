//! The store that all replicas share, in Redis: standalone, behind sentinels, or a cluster.
//!
//! Writes use optimistic concurrency: a write reads the records it affects, joins them in this
//! process, and applies the result with one script unless another writer has changed the repository
//! in the meantime. `docs/REDIS.md` lists the keys, `docs/adr/006-redis-optimistic-writes.md`
//! explains the design.

mod epochs;
mod garbage;
mod key;
mod keyed_locks;
mod log;
mod log_entry;
mod paged_scans;
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
