//! Implementations of the port [`FactStore`](github_stats_actors::store::FactStore).

mod codec;
pub mod embedded;
mod fact_bytes;
mod measured;
pub mod redis;
mod state_json;

pub use embedded::{EmbeddedStore, OpenError};
pub use measured::MeasuredStore;
pub use redis::RedisStore;
