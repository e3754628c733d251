//! Where facts are kept: adapters of the port [`FactStore`](github_stats_actors::store::FactStore).

pub mod embedded;

pub use embedded::{EmbeddedStore, OpenError};
