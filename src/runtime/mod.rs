//! From a configuration to a running replica: the composition of all other modules.

mod meter;
mod queue;
mod rate_limiters;
mod service;
mod settings;
mod signals;
mod sources;
mod stores;
mod tree;
mod tree_builder;
#[cfg(test)]
mod tree_tests;

pub use queue::BackfillQueue;
pub use rate_limiters::quotas;
pub use service::{Service, ServiceError, ServiceSettings};
pub use settings::loc_settings;
pub use sources::{SourcesError, organisation, organisations};
pub use stores::{StoreOpenError, Stores, open_store, open_stores};
pub use tree::{Organisation, Tree, TreeParts, start};
