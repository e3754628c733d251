//! From a configuration to a running replica: the only place that knows every room.

mod sources;
mod tree;
#[cfg(test)]
mod tree_tests;

pub use sources::{SourcesError, organisation, organisations};
pub use tree::{Organisation, Parts, Shown, Tree, start};
