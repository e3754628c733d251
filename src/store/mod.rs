//! Where facts are kept: adapters of the port [`FactStore`](github_stats_actors::store::FactStore).

mod codec;
pub mod embedded;
mod fact_bytes;
pub mod redis;
mod state_json;

pub use embedded::{EmbeddedStore, OpenError};
pub use redis::RedisStore;
