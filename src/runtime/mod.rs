//! From a configuration to a running replica: the only place that knows every room.

mod meter;
mod queue;
mod service;
mod sources;
mod stores;
mod tree;
#[cfg(test)]
mod tree_tests;

pub use queue::Backfill;
pub use service::{Service, ServiceError, ServiceSettings};
pub use sources::{SourcesError, organisation, organisations};
pub use stores::{StoreOpenError, Stores, open_store};
pub use tree::{Organisation, Parts, Shown, Tree, start};
