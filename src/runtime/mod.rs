//! From a configuration to a running replica: the only place that knows every room.

mod meter;
mod queue;
mod rate_limiters;
mod service;
mod sources;
mod stores;
mod tree;
#[cfg(test)]
mod tree_tests;

pub use queue::BackfillQueue;
pub use rate_limiters::quotas;
pub use service::{Service, ServiceError, ServiceSettings};
pub use sources::{SourcesError, organisation, organisations};
pub use stores::{StoreOpenError, Stores, open_store, open_stores};
pub use tree::{FleetParts, MakeExchange, Organisation, Shown, Tree, TreeParts, loc_settings, start};
